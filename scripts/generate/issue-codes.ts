import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { issueCodes } from '../../src/fls/issue.ts'
import { markdownTable } from './between-markers.ts'

const root = path.join(import.meta.dirname, '../..')

/** The page of issue codes, made from issue.ts; a test compares it with what is committed. */
export function generatedIssueCodes(): ReadonlyMap<string, string> {
  const rows = Object.entries(issueCodes)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { severity, text, fix }]) => [`\`${code}\``, severity, text, fix])
  const page = [
    '# Issue codes',
    '',
    'Generated from `src/fls/issue.ts` by `npm run generate`; do not edit.',
    '',
    'Every door reports what it finds with one of these codes: as an ERR segment, an OperationOutcome, problem details or a row of `rejects.csv`. An issue',
    'names the place in the words of the sender (`PID-7`, `Condition.onsetDateTime`, `row 12, date`) and never repeats a value of the record.',
    'An *error* loses only the value it names; the rest of the message is used. *Warning* and *information* lose nothing. The severity is the usual',
    'one; a door may lower or raise it where the text of its contract says so. V01 to V17 are the checks of the audit dataset.',
    '',
    markdownTable(['code', 'severity', 'what is wrong', 'what to do'], rows),
  ]
  return new Map([['docs/issue-codes.md', `${page.join('\n')}\n`]])
}

if (process.argv[1] === import.meta.filename) {
  for (const [file, content] of generatedIssueCodes()) writeFileSync(path.join(root, file), content)
}
