import { createHash } from 'node:crypto'
import { instantOf } from '../fls/dates.ts'
import type { InboxId, OdsCode } from '../fls/fact.ts'
import type { Issue } from '../fls/issue.ts'
import { publishedForms } from '../http/questionnaires.ts'
import { Refusal } from '../http/refusal.ts'
import { type ReadingTables, readEntry } from '../mapping/read.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import { bundle } from '../sources/fhir/bundle.ts'
import type { FhirBody, FhirCall } from '../sources/fhir/call.ts'
import { bundleDispatch } from '../sources/fhir/dispatch.ts'
import type { FhirDeps } from '../sources/fhir/door.ts'
import { readFhirBody } from '../sources/fhir/exchange.ts'
import { create } from '../sources/fhir/ingest.ts'
import { textAt } from '../sources/fhir/json.ts'
import { validateResource } from '../sources/fhir/validate.ts'
import { checkForm } from '../sources/form/form-checks.ts'
import { patientAuditQuestionnaire } from '../sources/form/questionnaire.ts'
import { unreachableStore } from '../store/unreachable.ts'

/**
 * What the FHIR door would say of one resource or Bundle, and reading after it: the door's own code over an empty index, so a resource that was
 * to be sent before counts as unknown. A QuestionnaireResponse is held against `questionnaire`, without one against our form.
 */
export async function checkFhir(
  bytes: Buffer,
  tables: ReadingTables,
  options: { readonly feed?: string | undefined; readonly questionnaire?: Buffer | undefined } = {},
): Promise<readonly Issue[]> {
  const { body, strict } = readFhirBody(bytes)
  const type = textAt(body.resource, 'resourceType') ?? ''
  if (type === 'QuestionnaireResponse' || options.questionnaire)
    return [...strict, ...formIssues(body, tables, options.questionnaire)]
  const kept: InboxEntry[] = []
  const found: Issue[] = []
  const deps = offlineDoor(kept)
  const told = ({ issues }: Refusal): void => void found.push(...issues)
  try {
    if (type === 'Bundle') await bundle(callOf(body), strict, bundleDispatch(deps), deps, told)
    else if (strict.length > 0) throw new Refusal(400, [...strict, ...validateResource(body.resource)])
    else await create(callOf(body), deps)
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    told(cause)
  }
  const meta = options.feed ? { mapping: options.feed } : {}
  return [
    ...found,
    ...kept.flatMap(entry => readEntry({ ...entry, meta: { ...entry.meta, ...meta } }, tables, new Map()).issues),
  ]
}

function formIssues(body: FhirBody, tables: ReadingTables, questionnaire: Buffer | undefined): readonly Issue[] {
  const forms = questionnaire
    ? [readFhirBody(questionnaire).body.resource]
    : publishedForms([patientAuditQuestionnaire()])
  const { structural, rules } = checkForm(body, forms, true)
  const found = [...structural, ...rules]
  if (found.some(one => one.severity === 'error')) return found
  const entry = { ...sentBy, side: 'hospital', protocol: 'form', controlId: '', type: 'QuestionnaireResponse' } as const
  const read = readEntry({ ...entry, bytes: body.bytes, id: noId, sha256: '', receivedAt: now() }, tables, new Map())
  return [...found, ...read.issues]
}

const organisation = 'ZZZ' as OdsCode
const sentBy = { sender: 'check', organisation } as const
const noId = '0'.repeat(64) as InboxId
const now = () => instantOf(new Date())

/** Nothing is known, nothing is kept but in `kept`; the database is never asked. */
function offlineDoor(kept: InboxEntry[]): FhirDeps {
  const receivedAt = now()
  return {
    accept: async arrival => {
      const id = String(kept.length).padStart(64, '0') as InboxId
      kept.push({ ...arrival, id, sha256: '', receivedAt })
      return { inboxId: id, outcome: 'kept', receivedAt }
    },
    gate: async () => ({ isOpen: true }),
    ...unreachableStore(),
    hmac: (...parts) => createHash('sha256').update(JSON.stringify(parts)).digest('hex'),
    rawBytes: async () => undefined,
    baseUrl: 'https://offline.invalid',
    clock: () => new Date(),
    allowTestNumbers: true,
    typeHandlers: new Map(),
  }
}

function callOf(body: FhirBody): FhirCall {
  return {
    principal: {
      subject: 'check',
      role: 'hospital',
      organisations: [organisation],
      feeds: [sentBy.sender],
      practices: [],
    },
    type: textAt(body.resource, 'resourceType') ?? '',
    query: new URLSearchParams(),
    headers: {},
    body,
    controlId: '',
    requestId: '',
    log: () => undefined,
  }
}
