import type { Instant } from '../../fls/dates.ts'
import { type Issue, issue } from '../../fls/issue.ts'
import { type ExtractDocument, heldPart } from '../../store/extracts.ts'
import type { Declaration } from './declaration.ts'
import { compareSketches } from './sketch.ts'
import type { Survey } from './survey.ts'

export type Compared = {
  readonly issues: readonly Issue[]
  readonly isHeld: boolean
  readonly unchanged: { readonly count: number; readonly isExact: boolean }
}

/** Over 5 % of the rows known and over 50 (gp-extracts.md 2.4). */
const massDelete = { share: 0.05, rows: 50 } as const
/** Fewer than half the patients of the last full extract. */
const fewPatients = 0.5

/**
 * This extract against what the practice sent before: gaps, older and reused ids, far fewer patients, mass deletes, rows unchanged.
 * `earlier`: all extracts of the practice but this one.
 */
export function compareWithEarlier(
  declared: Declaration,
  contentHash: string,
  found: Survey,
  earlier: readonly ExtractDocument[],
): Compared {
  // One that waits or was refused has changed nothing: the next is compared with what stands.
  const complete = earlier.filter(one => one.isComplete && heldPart(one) === undefined)
  const newest = newestOf(complete)
  const issues: Issue[] = []
  if (earlier.some(one => one.extractId === declared.extractId && one.contentHash !== contentHash))
    issues.push(issue('extract-reused', 'extractId'))
  if (newest && newest.asOf > declared.asOf) issues.push(issue('extract-older', 'extract'))
  if (declared.mode === 'delta' && isGap(declared, newest)) issues.push(issue('extract-gap', 'extract'))
  const full = newestOf(complete.filter(one => one.mode === 'full'))
  const patients = found.rows.get('patient')?.standing.count
  const before = full?.rows['patient']?.count ?? 0
  if (declared.mode === 'full' && patients !== undefined && before >= 20 && patients < before * fewPatients)
    issues.push(issue('patients-fewer', 'patients'))
  const { isHeld, issues: held } = massDeletes(declared, found, full)
  return { issues: [...issues, ...held], isHeld, unchanged: unchangedRows(found, complete) }
}

function newestOf(extracts: readonly ExtractDocument[]): ExtractDocument | undefined {
  return [...extracts].sort((a, b) => (a.asOf < b.asOf ? 1 : -1))[0]
}

/** A delta first of all, or one that starts after the newest extract ended. */
function isGap(declared: Declaration, newest: { asOf: Instant } | undefined): boolean {
  return newest === undefined || (declared.from !== undefined && declared.from > newest.asOf)
}

function massDeletes(declared: Declaration, found: Survey, full: ExtractDocument | undefined) {
  if (!full) return { isHeld: false, issues: [] }
  const parts = Object.entries(full.rows).map(([kind, known]) => {
    const now = found.rows.get(kind)
    const isCovered = declared.covers.includes(kind) && now
    const absent = isCovered
      ? compareSketches(known, { count: now.standing.count, sketch: now.standing.text() }).absent
      : (now?.deletes ?? 0)
    return { kind, known: known.count, gone: absent }
  })
  const sum = (of: (part: (typeof parts)[number]) => number) => parts.reduce((total, part) => total + of(part), 0)
  const isMass = (gone: number, known: number): boolean => gone > massDelete.rows && gone > known * massDelete.share
  const patients = parts.find(part => part.kind === 'patient')
  const isHeld =
    isMass(
      sum(part => part.gone),
      sum(part => part.known),
    ) ||
    (patients !== undefined && isMass(patients.gone, patients.known))
  return { isHeld, issues: isHeld ? [issue('mass-delete-held', 'extract')] : [] }
}

/** Each kind of row against the newest extract that had any of it. */
function unchangedRows(found: Survey, complete: readonly ExtractDocument[]): { count: number; isExact: boolean } {
  let count = 0
  let isExact = true
  for (const [kind, { standing }] of found.rows) {
    const before = newestOf(complete.filter(one => (one.rows[kind]?.count ?? 0) > 0))?.rows[kind]
    if (!before) continue
    const compared = compareSketches(before, { count: standing.count, sketch: standing.text() })
    count += compared.unchanged
    isExact &&= compared.isExact
  }
  return { count, isExact }
}
