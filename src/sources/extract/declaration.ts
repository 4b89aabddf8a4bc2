import { endOfDate, type Instant, instantOf, parseInstant, parsePartialDate } from '../../fls/dates.ts'
import type { OdsCode } from '../../fls/fact.ts'
import { type Issue, issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { ChunkMeta } from '../../mapping/extract-chunk.ts'
import { readGpDate } from '../../mapping/extract-dates.ts'
import type { KnownFile } from './recognise.ts'
import type { Survey } from './survey.ts'

/** What the address says of an extract. */
export type Address = { readonly practice?: string; readonly extractId?: string; readonly mode?: 'full' | 'delta' }

/** What an extract is, agreed between address, manifest and file names. */
export type Declaration = {
  readonly practice: OdsCode
  readonly extractId: string
  readonly mode: 'full' | 'delta'
  readonly asOf: Instant
  /** Start of the time a delta covers, when the sender says so. */
  readonly from?: Instant
  /** EMIS: the organisation id that is this practice. */
  readonly organisationId?: string
  /** Kinds of row this extract holds whole. */
  readonly covers: readonly string[]
  readonly hold?: ChunkMeta['hold']
  readonly issues: readonly Issue[]
}

/**
 * Agrees address, manifest and names. Refuses with `extract-not-declared` or `practice-disagrees`; a mode that disagrees and a disabled
 * sharing agreement hold the whole extract instead: it is kept and changes nothing.
 */
export function declare(address: Address, files: readonly KnownFile[], found: Survey, receivedAt: Date): Declaration {
  const stated = found.manifest.find(row => row.practice || row.extractId || row.mode)
  const practice = (address.practice ?? stated?.practice)?.toUpperCase()
  const extractId = address.extractId ?? stated?.extractId ?? suppliedId(files, found)
  const modes = modesOf(address, found)
  const mode = modes.declared ?? modes.content
  if (!practice || !/^[A-Z][A-Z0-9]{2,5}$/.test(practice)) throw notDeclared('practice')
  if (!extractId || !/^[A-Za-z0-9._-]{1,64}$/.test(extractId)) throw notDeclared('extractId')
  if (!mode) throw notDeclared('mode')
  if (stated?.practice && stated.practice.toUpperCase() !== practice) throw disagrees('manifest, practice')
  const organisationId = boundOrganisation(practice, found)
  const asOf = asOfOf(files, found) ?? instantOf(receivedAt)
  const from = found.manifest.map(row => moment(row.from)).find(at => at !== undefined)
  const hold = found.isSharingDisabled ? 'sharing-disabled' : modes.isDisagreement ? 'mode-disagrees' : undefined
  const covers = mode === 'full' ? coveredKinds(files, found) : []
  const isPatientsMissing =
    mode === 'full' &&
    files.some(file => file.kind.role === 'patient' || file.kind.role === 'entries') &&
    !covers.includes('patient')
  return {
    practice: practice as OdsCode,
    extractId,
    mode,
    // A sender's clock ahead of ours must not outrank what comes later.
    asOf: [asOf, instantOf(receivedAt)].sort()[0] ?? asOf,
    // An empty patient file makes the absence of everything else suspect as well: all deletes are held.
    covers: isPatientsMissing ? [] : covers,
    ...(from ? { from } : {}),
    ...(organisationId ? { organisationId } : {}),
    ...(hold ? { hold } : {}),
    issues: [
      ...(hold ? [issue(hold, 'extract')] : []),
      ...(isPatientsMissing && !hold
        ? [issue('mass-delete-held', 'patients', { hint: 'the patient file is empty' })]
        : []),
    ],
  }
}

function notDeclared(where: string): Refusal {
  return new Refusal(422, [issue('extract-not-declared', where)])
}

function disagrees(where: string): Refusal {
  return new Refusal(422, [issue('practice-disagrees', where)])
}

/** EMIS time stamp and agreement; TPP the end of the period (decisions.md 7). */
function suppliedId(files: readonly KnownFile[], found: Survey): string | undefined {
  const stamped = files.find(file => file.stamp)
  if (stamped?.stamp) return `${stamped.stamp}${stamped.agreement ? `.${stamped.agreement}` : ''}`.slice(0, 64)
  const to = found.manifest.map(row => row.to).find(text => text !== undefined)
  return to?.replace(/[^0-9A-Za-z.-]/g, '')
}

/** The parameter, the manifest and each file's own statement (TPP) must not contradict one another. */
function modesOf(
  address: Address,
  found: Survey,
): { declared?: 'full' | 'delta'; content?: 'full' | 'delta'; isDisagreement: boolean } {
  const words = found.manifest.map(row => row.mode?.toLowerCase()).filter(word => word !== undefined)
  const word = words.find(one => one === 'full' || one === 'delta')
  const perFile = found.manifest.flatMap(row => row.isDelta ?? [])
  const content = perFile.length === 0 ? undefined : perFile.every(isDelta => isDelta) ? 'delta' : 'full'
  const manifest = word === 'full' || word === 'delta' ? word : content
  const declared = address.mode ?? manifest
  const isMixed = new Set(perFile).size > 1
  const isDisagreement =
    Boolean(address.mode && manifest && address.mode !== manifest && !isMixed) ||
    words.some(one => one !== 'full' && one !== 'delta')
  return { ...(declared ? { declared } : {}), ...(content ? { content } : {}), isDisagreement }
}

/** The organisation table names it; without one the only organisation of the patients is bound to the practice. */
function boundOrganisation(practice: string, found: Survey): string | undefined {
  const named = [...found.organisations].filter(([, ods]) => ods.toUpperCase() === practice).map(([id]) => id)
  if (named[0]) return named[0]
  const [only, ...more] = found.patientOrganisations
  if (!only) return undefined
  const ods = found.organisations.get(only)
  if (more.length > 0 || (ods && ods.toUpperCase() !== practice)) throw disagrees('OrganisationGuid')
  return only
}

function asOfOf(files: readonly KnownFile[], found: Survey): Instant | undefined {
  const to = found.manifest
    .map(row => moment(row.to))
    .filter(at => at !== undefined)
    .sort()
    .at(-1)
  if (to) return to
  const stamp = files.find(file => file.stamp)?.stamp
  const text = stamp?.replace(/^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})$/, '$1-$2-$3T$4:$5:$6')
  return text ? readGpDate(text).instant : undefined
}

function moment(text: string | undefined): Instant | undefined {
  if (!text) return undefined
  const date = parsePartialDate(text)
  return parseInstant(text) ?? readGpDate(text).instant ?? (date ? endOfDate(date) : undefined)
}

/** A bare header counts, except for patients: an empty patient file never empties a practice (gp-extracts.md 1.6). */
function coveredKinds(files: readonly KnownFile[], found: Survey): readonly string[] {
  const deltas = new Set(found.manifest.filter(row => row.isDelta).map(row => row.fileName?.toLowerCase()))
  const partial = new Set(files.filter(file => deltas.has(file.kind.file.toLowerCase())).map(file => file.kind.covers))
  return [...found.rows]
    .filter(([kind, counts]) => !partial.has(kind) && (kind !== 'patient' || counts.standing.count > 0))
    .map(([kind]) => kind)
    .sort()
}
