import { describeIssue, type Issue, type IssueCode } from '../../fls/issue.ts'
import type { Delimiters } from './delimiters.ts'
import { escapeText } from './escapes.ts'

/** HL7 table 0357, message error condition codes. */
const conditionTexts = {
  100: 'Segment sequence error',
  101: 'Required field missing',
  102: 'Data type error',
  103: 'Table value not found',
  200: 'Unsupported message type',
  202: 'Unsupported processing id',
  204: 'Unknown key identifier',
  205: 'Duplicate key identifier',
  207: 'Application internal error',
} as const
type Condition = keyof typeof conditionTexts

/** Issues that have a nearer condition than 102 (the message's content). */
const conditions: Partial<Record<IssueCode, Condition>> = {
  'batch-count-differs': 100,
  'code-missing': 101,
  'code-system-unknown': 103,
  'code-unknown': 103,
  'control-id-reused': 205,
  'internal-error': 207,
  'merge-cycle': 205,
  'message-unreadable': 100,
  'not-yet-read': 207,
  'patient-missing': 101,
  'payload-too-large': 207,
  'processing-id-not-production': 202,
  'recorded-missing': 101,
  'segment-missing': 100,
  'sender-unknown': 204,
  'storage-uncertain': 207,
  'trigger-not-used': 200,
  'unit-unknown': 103,
  'word-not-allowed': 103,
}

const severities = { error: 'E', warning: 'W', information: 'I' } as const
const place = /^([A-Z][A-Z0-9]{2})(?:[[(](\d+)[\])])?(?:-(\d+)(?:[[(](\d+)[\])])?(?:[.-](\d+))?(?:[.-](\d+))?)?/

/**
 * The one place where an issue becomes an ERR segment. HL7 2.5 and later read ERR-2 (place), ERR-3 (table 0357), ERR-4 (severity), ERR-5 (our
 * code) and ERR-8 (text and remedy); earlier versions read ERR-1, which they get besides. Texts come from the closed issue list: no value
 * of the message is ever in them.
 */
export function errorSegment(found: Issue, version: string, delimiters: Delimiters): string {
  const { text, fix, code, severity } = describeIssue(found)
  const condition = conditions[code] ?? 102
  const conditionText = conditionTexts[condition]
  const [, segment = '', sequence = '', field = '', repetition = '', component = '', subcomponent = ''] =
    place.exec(found.where) ?? []
  const join = (separator: string | undefined, parts: readonly string[]) =>
    parts.map(part => escapeText(part, delimiters)).join(separator ?? ' ')
  const subJoined = join(delimiters.subcomponent, [String(condition), conditionText, 'HL70357'])
  const old = [...[segment, sequence || '1', field].map(part => escapeText(part, delimiters)), subJoined]
  const isOld = Number(/^2\.(\d+)/.exec(version)?.[1] ?? 4) < 5
  const where =
    segment === '' ? [] : [segment, sequence || '1', field, repetition || (field && '1'), component, subcomponent]
  return [
    'ERR',
    isOld && segment !== '' ? old.join(delimiters.component) : '',
    join(delimiters.component, trimEnd(where)),
    join(delimiters.component, [String(condition), conditionText, 'HL70357']),
    severities[severity],
    escapeText(code, delimiters),
    '',
    '',
    escapeText(`${text} ${fix}`.slice(0, 250), delimiters),
  ].join(delimiters.field)
}

function trimEnd(parts: readonly string[]): readonly string[] {
  const last = parts.findLastIndex(part => part !== '')
  return parts.slice(0, last + 1)
}
