export type NhsNumber = string & { readonly brand: 'NhsNumber' }
export type NhsNumberReading =
  | { kind: 'valid'; value: NhsNumber }
  | { kind: 'test-range'; value: NhsNumber }
  | { kind: 'placeholder' }
  | { kind: 'invalid'; digits?: string }

/**
 * Ten digits, check digit by modulus 11 (NHS Data Dictionary, "NHS NUMBER"). Spaces and hyphens allowed on input.
 * 999 numbers are never issued: they read as `test-range` and the caller decides by profile. Repeated digits and the
 * sequence 1234567881 are dummies (`placeholder`). `invalid` keeps ten digits when there are ten: weak evidence in linkage.
 */
export function readNhsNumber(text: string): NhsNumberReading {
  const digits = text.replace(/[\s-]/g, '')
  if (!/^\d{10}$/.test(digits)) return { kind: 'invalid' }
  if (/^(\d)\1{9}$/.test(digits) || digits === '1234567881') return { kind: 'placeholder' }
  if (!hasValidCheckDigit(digits)) return { kind: 'invalid', digits }
  return { kind: digits.startsWith('999') ? 'test-range' : 'valid', value: digits as NhsNumber }
}

/** Modulus 11 alone, over exactly ten digits. */
export function hasValidCheckDigit(digits: string): boolean {
  if (!/^\d{10}$/.test(digits)) return false
  let sum = 0
  for (let index = 0; index < 9; index++) sum += Number(digits[index]) * (10 - index)
  const check = (11 - (sum % 11)) % 11
  return check !== 10 && check === Number(digits[9])
}
