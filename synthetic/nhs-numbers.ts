import { hasValidCheckDigit, type NhsNumber, readNhsNumber } from '../src/fls/nhs-number.ts'

/** All valid numbers 999 000 000x – 999 999 999x without placeholders: about 909,000, in rising order. */
let valid: Uint32Array | undefined

/**
 * The NHS number of the person with this serial. Different serials have different numbers up to `nhsNumberCount()`.
 * A stride coprime to the count spreads neighbours apart, as in life; `neighbour` asks for the next valid number instead
 * (relatives registered on one day hold such pairs).
 */
export function nhsNumberOf(serial: number, neighbour = 0): NhsNumber {
  const numbers = validNumbers()
  const place = (serial * 7919) % numbers.length
  return readValid((numbers[(place + neighbour) % numbers.length] ?? 0) + 9_990_000_000)
}

export function nhsNumberCount(): number {
  return validNumbers().length
}

function validNumbers(): Uint32Array {
  valid ??= enumerate()
  return valid
}

/** Offsets from 9,990,000,000. The first three digits weigh 10, 9 and 8, so 999 adds 243 to every sum. */
function enumerate(): Uint32Array {
  const offsets = new Uint32Array(1_000_000)
  let found = 0
  for (let stem = 0; stem < 999_999; stem++) {
    let rest = stem
    let sum = 243
    for (let weight = 2; weight <= 7; weight++) {
      sum += (rest % 10) * weight
      rest = (rest / 10) | 0
    }
    const check = (11 - (sum % 11)) % 11
    if (check < 10) offsets[found++] = stem * 10 + check
  }
  return offsets.slice(0, found)
}

function readValid(number: number): NhsNumber {
  const reading = readNhsNumber(String(number))
  if (reading.kind !== 'test-range' || !hasValidCheckDigit(reading.value))
    throw new RangeError('not a test-range NHS number')
  return reading.value
}
