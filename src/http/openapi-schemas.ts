import { roles } from '../access/principal.ts'
import { issueCodes } from '../fls/issue.ts'
import { inboxStates } from '../store/arrivals.ts'
import { jobStates } from '../store/jobs.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` })
const text = { type: 'string' }
const count = { type: 'integer', minimum: 0 }
const time = { type: 'string', format: 'date-time' }
const yes = { type: 'boolean' }
const list = (items: JsonSchema) => ({ type: 'array', items })
const oneOf = (...words: readonly string[]) => ({ enum: [...words] })
const ods = { type: 'string', description: 'ODS code' }

/** Properties whose name ends in `?` may be missing; nothing else may be there. */
function object(properties: Readonly<Record<string, JsonSchema>>, more: JsonSchema = {}): JsonSchema {
  const named = Object.entries(properties).map(([name, schema]) => [name.replace(/\?$/, ''), schema] as const)
  return {
    type: 'object',
    required: Object.keys(properties).filter(name => !name.endsWith('?')),
    properties: Object.fromEntries(named),
    additionalProperties: false,
    ...more,
  }
}
const page = (item: string): JsonSchema =>
  object({ items: list(ref(item)), 'next?': { ...text, description: 'For `page`' } })
const items = (item: string): JsonSchema => object({ items: list(ref(item)) })

const feed = {
  id: text,
  organisation: ods,
  protocol: oneOf('hl7v2', 'fhir', 'extract', 'upload', 'form'),
  sendingApplications: { ...list(text), description: 'MSH-3' },
  sendingFacilities: { ...list(text), description: 'MSH-4' },
  'certificates?': list(text),
  'mapping?': { ...text, description: 'Folder of mappings/' },
  profile: oneOf('stored', 'applied'),
  'charset?': text,
  'batchAnswer?': oneOf('per-message', 'batch'),
  'onUncertain?': oneOf('silent', 'reject'),
  isActive: yes,
}
const site = { ods, name: text, organisation: ods, fls: { type: ['boolean', 'string'] }, 'hipFractures?': count }
const practice = { ods, 'name?': text, 'supplier?': text, 'fls?': ods, optedIn: yes, 'since?': time }
const statement = { inboxId: text, receivedAt: time, by: text, statement: { type: 'object' } }
const arrival = {
  inboxId: text,
  feed: text,
  controlId: { ...text, description: 'MSH-10, X-Request-ID, Bundle.identifier or extract id' },
  type: text,
  receivedAt: time,
  size: { ...count, description: 'Bytes' },
  sha256: text,
  state: oneOf(...inboxStates),
  attempts: count,
  issues: list(ref('Issue')),
}
const ratio = { type: 'number', minimum: 0, maximum: 1 }
/** Numbers of 1 to 7 are given as `*`, others to the nearest 5 (`src/fls/disclosure.ts`). */
const released = { oneOf: [count, { const: '*' }] }
const figure = object({
  count: released,
  'n?': released,
  'share?': { oneOf: [object({ share: ratio, low: ratio, high: ratio }), { const: '*' }] },
  'numerator?': text,
  'denominator?': text,
  'meaning?': text,
})
const figures = { type: 'object', additionalProperties: figure }
const progress = object({ done: count, total: count })
const hold = object({
  reason: text,
  part: oneOf('all', 'deletes'),
  state: oneOf('waiting', 'confirmed', 'refused'),
  'decidedBy?': text,
  'decidedAt?': time,
})

const heldExtract = {
  id: text,
  practice: ods,
  extractId: text,
  mode: oneOf('full', 'delta'),
  asOf: text,
  'hold?': hold,
  rows: { type: 'object', additionalProperties: object({ count: count, deletes: count }) },
  'why?': text,
  job: text,
}
const applied = { inboxId: text, state: oneOf('done', 'received') }
const access = { lines: count, lastSequence: count, lastHash: text }

/** Every shape the JSON API answers with. Closed: a field that is not here is a fault of this table; `test/e2e/openapi.test.ts` calls every route. */
const table = {
  Issue: object({
    code: oneOf(...Object.keys(issueCodes)),
    severity: oneOf('error', 'warning', 'information'),
    where: { ...text, description: 'In the terms of what was sent' },
    'item?': { ...text, description: 'Audit question' },
    'hint?': text,
    text,
    fix: text,
  }),
  Problem: object(
    {
      type: { ...text, format: 'uri' },
      title: text,
      status: { type: 'integer' },
      'instance?': { ...text, description: 'Reference to quote when you ask us' },
      issues: list(ref('Issue')),
    },
    { description: 'RFC 9457 problem details' },
  ),
  Alive: object({ status: oneOf('alive') }),
  Readiness: object({
    status: oneOf('ready', 'not-ready'),
    checks: list(object({ name: text, isReady: yes, 'detail?': text })),
  }),
  Arrival: object(arrival),
  Arrivals: page('Arrival'),
  ArrivalDetail: object({
    ...arrival,
    organisation: ods,
    protocol: text,
    'practice?': ods,
    stages: list({
      type: 'object',
      required: ['stage', 'outcome'],
      properties: { stage: text, at: time, outcome: text },
    }),
    'ukCore?': { type: 'object' },
    facts: list({ type: 'object', required: ['id', 'kind', 'status', 'path', 'row'] }),
  }),
  Replay: object({
    id: text,
    kind: oneOf('replay'),
    state: oneOf('running', 'done'),
    createdAt: time,
    progress,
  }),
  ReplayPreview: object({
    dryRun: yes,
    matched: count,
    byState: { type: 'object', additionalProperties: count },
    preview: object({
      compared: { ...count, description: 'Arrivals read with the tables in force, newest first' },
      entriesThatChange: count,
      facts: object({ added: count, removed: count, changed: count }),
    }),
  }),
  DeadLetter: object({
    id: text,
    feed: text,
    organisation: ods,
    fault: text,
    address: { ...text, description: 'Of the sender' },
    size: { ...count, description: 'Bytes' },
    count: { ...count, description: 'How often the same came' },
    firstAt: time,
    lastAt: time,
  }),
  DeadLetters: items('DeadLetter'),
  UnknownCode: object({
    sender: text,
    organisation: ods,
    system: text,
    code: text,
    'display?': text,
    count: count,
    sample: { ...text, description: 'An arrival that has it' },
  }),
  UnknownCodes: items('UnknownCode'),
  Feed: object(feed),
  Feeds: items('Feed'),
  FeedDetail: object({ ...feed, history: list(object(statement)) }),
  Site: object(site),
  Sites: items('Site'),
  SiteDetail: object({ ...site, history: list(object(statement)) }),
  Practice: object(practice),
  Practices: items('Practice'),
  PracticeDetail: object({
    ...practice,
    history: list({ type: 'object', required: ['optedIn', 'from', 'receivedAt', 'by'] }),
  }),
  OptOutList: object({ isInForce: yes, 'issuedAt?': time, 'expiresAt?': time, 'count?': count }),
  AccessLine: object({
    sequence: count,
    at: time,
    subject: text,
    role: oneOf(...roles, 'anyone'),
    organisations: list(ods),
    action: text,
    status: { type: 'integer' },
    requestId: text,
    'episodes?': list(text),
    'persons?': list(text),
    'inboxIds?': list(text),
    'rows?': count,
    previous: text,
    hash: text,
  }),
  AccessLog: object({
    items: list(ref('AccessLine')),
    end: object(access),
    'nextBefore?': count,
  }),
  AccessLogCheck: object({
    ...access,
    isIntact: yes,
    faults: list(object({ sequence: count, fault: oneOf('missing', 'altered', 'unchained', 'anchor-differs') })),
  }),
  ExtractJob: object({
    id: text,
    kind: oneOf('extract'),
    state: oneOf(...jobStates),
    practice: ods,
    extractId: text,
    mode: oneOf('full', 'delta'),
    dryRun: yes,
    createdAt: time,
    'finishedAt?': time,
    progress,
    'receipt?': object({
      in: count,
      kept: count,
      rejected: count,
      held: count,
      unchanged: count,
      'isUnchangedEstimate?': { const: true },
      deletes: count,
      linked: count,
    }),
    'hold?': hold,
    issues: list(object({ code: oneOf(...Object.keys(issueCodes)), count })),
    messages: list(ref('Issue')),
    rejects: { ...text, description: 'Address of rejects.csv' },
    'failure?': text,
  }),
  Conformance: object({
    job: text,
    practice: ods,
    extractId: text,
    mode: oneOf('full', 'delta'),
    isTrial: yes,
    checkedAt: time,
    tables: { ...text, description: 'Hash of the tables in force' },
    verdict: oneOf('pass', 'warn', 'fail', 'nothing'),
    receipt: { type: 'object' },
    items: list(
      object({
        item: { ...text, description: 'Audit question' },
        name: text,
        of: text,
        n: count,
        met: count,
        'share?': ratio,
        pass: ratio,
        warn: ratio,
        verdict: oneOf('pass', 'warn', 'fail', 'nothing'),
        fix: text,
      }),
    ),
    issues: list(object({ code: text, severity: text, count, text, fix: text })),
  }),
  HeldExtract: object(heldExtract),
  HeldExtracts: items('HeldExtract'),
  WaitingManifest: object({ id: text, submissionId: text, number: { type: 'integer', minimum: 1 }, manifestUrl: text }),
  Submissions: items('WaitingManifest'),
  Review: object({
    id: text,
    kind: oneOf('person', 'fracture'),
    persons: list(text),
    organisations: list(ods),
    probability: { type: 'number', minimum: 0, maximum: 1 },
    totalBits: { type: 'number' },
    guards: list(text),
    decision: oneOf('link', 'review', 'new'),
  }),
  Reviews: page('Review'),
  Link: {
    type: 'object',
    required: ['id', 'kind', 'organisations'],
    properties: { id: text, kind: oneOf('person', 'fracture', 'episode'), organisations: list(ods) },
    description:
      'A review with both sides, a person with its members, or an episode with its two sides; each with the reasons',
  },
  Received: object({ inboxId: text, state: oneOf('received') }),
  LinkDecided: object({ ...applied, assertion: text }),
  ExtractDecided: object({ ...heldExtract, ...applied }),
  Manifest: object({
    rows: count,
    release: text,
    filters: { type: 'object' },
    dataCut: { type: ['string', 'null'], format: 'date-time' },
    optOutListIssuedAt: time,
    formats: { type: 'object', additionalProperties: object({ sha256: text, bytes: count }) },
    columns: list(object({ name: text, type: text, meaning: text }, { additionalProperties: true })),
  }),
  Coverage: object({
    practice: ods,
    dataCut: { type: ['string', 'null'], format: 'date-time' },
    tables: { ...text, description: 'Hash of the tables in force' },
    method: text,
    hospitalConfirmed: figures,
    tooRecentToSay: figure,
    gpOnly: figure,
    care: figures,
  }),
} satisfies Readonly<Record<string, JsonSchema>>
export const schemas: Readonly<Record<string, JsonSchema>> = table
export type SchemaName = keyof typeof table

export const schemaRef = (name: SchemaName): JsonSchema => ref(name)
