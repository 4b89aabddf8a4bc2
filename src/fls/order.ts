import type { Fact, Revision } from './fact.ts'

/**
 * Canonical order of facts (Decision 1): event date, then inbox id (which holds the payload's hash), path, row. Facts without a date come
 * last. Independent of the order of arrival.
 */
export function compareFacts(a: Fact, b: Fact): number {
  return (
    compareText(a.when?.date ?? '9999', b.when?.date ?? '9999') ||
    compareText(a.source.inboxId, b.source.inboxId) ||
    compareText(a.source.path, b.source.path) ||
    compareText(a.source.row, b.source.row) ||
    compareText(a.id, b.id)
  )
}

type Versioned = { readonly revision: Revision; readonly source: Fact['source'] }

/** Which statement replaces which: `asOf`, then `order`, then inbox id. Zero means: the same statement. */
export function compareVersions(a: Versioned, b: Versioned): number {
  return (
    compareText(a.revision.asOf, b.revision.asOf) ||
    (a.revision.order ?? 0) - (b.revision.order ?? 0) ||
    compareText(a.source.inboxId, b.source.inboxId)
  )
}

/** By code unit, so that it never depends on a locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
