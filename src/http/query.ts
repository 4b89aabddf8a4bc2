import type { Request } from 'express'
import { type DayDate, daysOf, parseDay, parseInstant, parsePartialDate } from '../fls/dates.ts'
import { issue } from '../fls/issue.ts'
import { Refusal } from './refusal.ts'

/** The query parameters of a call, each at most once; any name not in `allowed` is refused with 400, so that a misspelt filter never widens an answer. */
export function readQuery<Name extends string>(
  request: Request,
  allowed: readonly Name[],
): Partial<Record<Name, string>> {
  const read: Partial<Record<Name, string>> = {}
  for (const [name, value] of Object.entries(request.query)) {
    const known = allowed.find(one => one === name)
    if (known === undefined) throw new Refusal(400, [issue('parameter-not-supported', 'query')])
    if (typeof value !== 'string' || value.length > 1_000) throw badParameter(known)
    read[known] = value
  }
  return read
}

export function badParameter(name: string): Refusal {
  return new Refusal(400, [issue('parameter-invalid', name)])
}

/** An end of a stretch of whole months: a year, a month, or the day a month begins (`first`) or ends (`last`) with. Any other day is refused. */
export function readMonthEnd(name: string, text: string | undefined, end: 'first' | 'last'): DayDate | undefined {
  if (text === undefined) return undefined
  const date = parsePartialDate(text)
  const month = parsePartialDate(text.slice(0, 7))
  if (!date || !month) throw badParameter(name)
  const day = daysOf(date)[end]
  if (date.length === 10 && day !== daysOf(month)[end]) throw badParameter(name)
  return day
}

/** A day (its first moment, UTC) or an instant with offset. */
export function readMoment(name: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined
  const instant = parseDay(text) ? `${text}T00:00:00.000Z` : parseInstant(text)
  if (!instant) throw badParameter(name)
  return new Date(instant)
}

export function readBoolean(name: string, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined
  if (text !== 'true' && text !== 'false') throw badParameter(name)
  return text === 'true'
}

export function readChoice<C extends string>(
  name: string,
  text: string | undefined,
  choices: readonly C[],
): C | undefined {
  if (text === undefined) return undefined
  const choice = choices.find(one => one === text)
  if (choice === undefined) throw badParameter(name)
  return choice
}

/** Whole number from 1 to `most`; `most` when absent. */
export function readLimit(name: string, text: string | undefined, most: number): number {
  if (text === undefined) return most
  if (!/^[1-9]\d{0,5}$/.test(text)) throw badParameter(name)
  return Math.min(Number(text), most)
}
