/** A decimal in plain notation with its places kept: `-2.70` stays, `+1`, ` 1 ` and `1e1` become plain. Undefined when it is no number. */
export function decimalText(text: string): string | undefined {
  const trimmed = text.trim().replace('−', '-')
  if (/^-?\d+(\.\d+)?$/.test(trimmed)) return trimmed
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(trimmed)) return undefined
  return String(Number(trimmed))
}

/** Decimal places as written. */
export function placesOf(text: string): number {
  return /\.(\d+)/.exec(text)?.[1]?.length ?? 0
}

/** Rounded half away from zero to at most `places`; for showing only, never before a comparison. */
export function roundedText(text: string, places: number): string {
  if (placesOf(text) <= places) return text
  const factor = 10 ** places
  const value = Number(text)
  return ((Math.sign(value) * Math.round(Math.abs(value) * factor + 1e-9)) / factor).toFixed(places)
}
