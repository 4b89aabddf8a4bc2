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
  valid ??= Uint32Array.from(enumerate())
  return valid
}

function* enumerate(): Generator<number> {
  for (let stem = 999_000_000; stem <= 999_999_999; stem++) {
    const check = checkDigit(stem)
    if (check < 10 && !(stem === 999_999_999)) yield stem * 10 + check - 9_990_000_000
  }
}

function checkDigit(stem: number): number {
  let rest = stem
  let sum = 0
  for (let weight = 2; weight <= 10; weight++) {
    sum += (rest % 10) * weight
    rest = Math.floor(rest / 10)
  }
  return (11 - (sum % 11)) % 11
}

function readValid(number: number): NhsNumber {
  const reading = readNhsNumber(String(number))
  if (reading.kind !== 'test-range' || !hasValidCheckDigit(reading.value))
    throw new RangeError('not a test-range NHS number')
  return reading.value
}
