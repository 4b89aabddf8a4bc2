import { limits } from '../../config.ts'
import { type IssueCode, issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import { type FhirDeps, fhirBase } from './door.ts'
import { isObject, type JsonObject, objectAt, textAt } from './json.ts'
import { isOffered } from './offered.ts'
import { isFhirId } from './primitives.ts'
import { parseCriterion } from './token.ts'
import { isResourceType } from './validate.ts'

/** One entry of a batch or transaction: what it asks for, or why that cannot be done. */
export type EntryRequest = {
  readonly index: number
  readonly method: string
  readonly type: string
  readonly id?: string
  readonly version?: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string>>
  readonly criterion?: string
  readonly ifNoneExist?: string
  readonly ifMatch?: string
  readonly fullUrl?: string
  readonly resource?: JsonObject
  /** The type belongs to another module, which takes no part in transactions. */
  readonly isHandledElsewhere: boolean
  readonly refusal?: Refusal
}

/** Whether a finding lies in an entry's resource (of entry `index`, when given). */
export function isInEntry(where: string, index?: number): boolean {
  const match = /^Bundle\.entry\[(\d+)\]\.resource\b/.exec(where)
  return match !== null && (index === undefined || Number(match[1]) === index)
}

/** `ranges`: where each resource stands in the text, for the size limit of one resource. */
export function entryRequests(
  entries: readonly JsonObject[],
  ranges: WeakMap<object, readonly [number, number]>,
  deps: FhirDeps,
): EntryRequest[] {
  return entries.map((entry, index) => {
    const [start, end] = (isObject(entry['resource']) ? ranges.get(entry['resource']) : undefined) ?? [0, 0]
    const plain = entryRequest(entry, index, end - start, deps)
    try {
      return { ...plain, ...conditionsOf(plain, entry) }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { ...plain, refusal: error }
    }
  })
}

function entryRequest(entry: JsonObject, index: number, size: number, deps: FhirDeps): EntryRequest {
  const request = objectAt(entry, 'request')
  const sent = textAt(request, 'url') ?? ''
  const base = `${fhirBase(deps)}/`
  const url = (sent.startsWith(base) ? sent.slice(base.length) : sent).replace(/^\//, '')
  const [path = '', query = ''] = url.split('?', 2)
  const [type = '', id, mark, version, ...rest] = path.split('/')
  const method = textAt(request, 'method') ?? ''
  const resource = isObject(entry['resource']) ? entry['resource'] : undefined
  const fullUrl = textAt(entry, 'fullUrl')
  const isWhole =
    rest.length === 0 && (mark === undefined || mark === '_history') && (mark === undefined) === (version === undefined)
  const isId = id === undefined || id === '_search' || isFhirId(id)
  const refusal = refusalFor({ type, method, isPath: isWhole && isId, hasId: id !== undefined, index, size }, deps)
  return {
    ...{ index, method, type, query: new URLSearchParams(query), headers: {} },
    ...(id === undefined ? {} : { id }),
    ...(version === undefined ? {} : { version }),
    ...(resource ? { resource } : {}),
    ...(fullUrl === undefined ? {} : { fullUrl }),
    isHandledElsewhere: deps.typeHandlers.has(type) && !isOffered(type),
    ...(refusal ? { refusal } : {}),
  }
}

type Address = {
  readonly type: string
  readonly method: string
  readonly isPath: boolean
  readonly hasId: boolean
  readonly index: number
  readonly size: number
}

function refusalFor(address: Address, deps: FhirDeps): Refusal | undefined {
  const { type, method, isPath, hasId, index, size } = address
  const at = `Bundle.entry[${index}]`
  const refused = (status: number, code: IssueCode, where: string): Refusal => new Refusal(status, [issue(code, where)])
  if (!isResourceType(type)) return refused(404, 'resource-type-unknown', `${at}.request.url`)
  if (!isPath) return refused(400, 'structure-invalid', `${at}.request.url`)
  const isWrite = method === 'POST' || method === 'PUT'
  if (!isWrite && method !== 'GET') return refused(405, 'interaction-not-supported', `${at}.request.method`)
  if (method === 'POST' && hasId) return refused(405, 'interaction-not-supported', `${at}.request.url`)
  const isServed = isOffered(type) || deps.typeHandlers.has(type)
  if (method === 'GET' && !isServed) return refused(405, 'interaction-not-supported', `${at}.request.method`)
  return size > limits.fhirResource ? refused(413, 'payload-too-large', `${at}.resource`) : undefined
}

/** If-None-Exist, If-Match and the criterion of a conditional update, as the entry words them. */
function conditionsOf(plain: EntryRequest, entry: JsonObject): Partial<EntryRequest> {
  const request = objectAt(entry, 'request')
  const at = `Bundle.entry[${plain.index}].request`
  const ifNoneExist = textAt(request, 'ifNoneExist')
  const ifMatch = textAt(request, 'ifMatch')
  const ifNoneMatch = textAt(request, 'ifNoneMatch')
  const isConditional = plain.method === 'PUT' && plain.id === undefined
  return {
    headers: {
      ...(ifNoneExist === undefined ? {} : { 'if-none-exist': ifNoneExist }),
      ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
      ...(ifNoneMatch === undefined ? {} : { 'if-none-match': ifNoneMatch }),
    },
    ...(plain.method === 'POST' && ifNoneExist !== undefined
      ? { ifNoneExist: parseCriterion(ifNoneExist, `${at}.ifNoneExist`) }
      : {}),
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(isConditional ? { criterion: parseCriterion(plain.query.toString(), `${at}.url`) } : {}),
  }
}
