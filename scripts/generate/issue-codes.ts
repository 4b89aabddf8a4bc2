import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { type IssueCode, issueCodes } from '../../src/fls/issue.ts'
import { faults } from '../../test/contract/one-issue/faults.ts'
import { markdownTable } from './between-markers.ts'
import { issueExamples } from './issue-examples.ts'

const root = path.join(import.meta.dirname, '../..')

/** The page of issue codes, made from issue.ts; a test compares it with what is committed. */
export function generatedIssueCodes(): ReadonlyMap<string, string> {
  const rows = Object.entries(issueCodes)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { severity, text, fix }]) => [`\`${code}\``, severity, text, fix, exampleOf(code as IssueCode)])
  const page = [
    '# Issue codes',
    '',
    'Generated from `src/fls/issue.ts` by `npm run generate`; do not edit.',
    '',
    'Every door reports what it finds with one of these codes: as an ERR segment, an OperationOutcome, problem details or a row of `rejects.csv`. An issue',
    'names the place in the words of the sender (`PID-7`, `Condition.onsetDateTime`, `row 12, date`) and never repeats a value of the record. The last',
    'column gives an example and the place; where none is told, it says in words what there is instead. Examples with several places are one fault at',
    'several doors, as `test/contract/one-issue.test.ts` runs them.',
    '',
    'An *error* loses what it names: a value, a row, a file or, where a door refuses, the whole request. *Warning* and *information* lose nothing but what',
    'their text says. The severity is the usual one; a door may lower or raise it where the text of its contract says so.',
    '',
    'V01 to V17 are the checks of the audit dataset. An episode has them at the question (`1.09`), a form is told them at',
    "`QuestionnaireResponse.descendants().where(linkId = '1.09')`; in place of V01 and V17 a form is told `nhs-number-invalid` and `word-not-allowed`.",
    '',
    markdownTable(['code', 'severity', 'what is wrong', 'what to do', 'for example → told at'], rows),
  ]
  return new Map([['docs/issue-codes.md', `${page.join('\n')}\n`]])
}

/** One fault of the table that is run at the doors, else what `issue-examples.ts` says; a code without either is an oversight. */
function exampleOf(code: IssueCode): string {
  const fault = faults.find(one => one.code === code)
  if (fault) {
    const places = Object.entries(fault.at).map(([door, [, where]]) => `\`${where}\` (${door})`)
    return `${fault.what} → ${places.join(', ')}`
  }
  const example = issueExamples[code]
  if (!example) throw new Error(`issue-examples.ts has none for ${code}`)
  const [what, where, note] = example
  return `${what} → ${[where && `\`${where}\``, where && note ? `(${note})` : note].filter(Boolean).join(' ')}`
}

if (process.argv[1] === import.meta.filename) {
  for (const [file, content] of generatedIssueCodes()) writeFileSync(path.join(root, file), content)
}
