import { Table } from 'nhsuk-react-components'
import type { ConformanceReport } from '../http/api/conformance.ts'
import { Layout } from './layout.tsx'

const words = { pass: 'Pass', warn: 'Warning', fail: 'Fail', nothing: 'Nothing to judge' } as const

/** `GET /api/jobs/{id}/conformance` to be read, printed and filed: counts only. */
export function ConformancePage({ report }: { readonly report: ConformanceReport }) {
  const { practice, extractId, mode, isTrial, checkedAt, tables, verdict, items, issues } = report
  return (
    <Layout title={`Conformance of ${practice}, ${extractId}`}>
      <h1>Conformance report</h1>
      <p>
        {isTrial ? 'Trial' : 'Extract'} <code>{extractId}</code> ({mode}) of practice <code>{practice}</code>, checked{' '}
        <time dateTime={checkedAt}>{checkedAt}</time> under tables <code>{tables}</code>.
      </p>
      <p>
        <strong>{words[verdict]}</strong>: the worst of the lines below. The shares a line has to reach are FLS-DB’s
        own.
      </p>
      <Table caption="Dataset items">
        <Table.Head>
          <Table.Row>
            <Table.Cell>Item</Table.Cell>
            <Table.Cell>What</Table.Cell>
            <Table.Cell>Filled</Table.Cell>
            <Table.Cell>Passes from</Table.Cell>
            <Table.Cell>Verdict</Table.Cell>
          </Table.Row>
        </Table.Head>
        <Table.Body>
          {items.map(line => (
            <Table.Row key={line.name}>
              <Table.Cell>{line.item}</Table.Cell>
              <Table.Cell>{line.name}</Table.Cell>
              <Table.Cell>
                {line.n === 0 ? `no ${line.of}` : `${line.met} of ${line.n} ${line.of} (${percent(line.met / line.n)})`}
              </Table.Cell>
              <Table.Cell>{percent(line.pass)}</Table.Cell>
              <Table.Cell>
                {words[line.verdict]}
                {line.verdict === 'warn' || line.verdict === 'fail' ? `. ${line.fix}` : ''}
              </Table.Cell>
            </Table.Row>
          ))}
        </Table.Body>
      </Table>
      <Table caption="Findings, counted over all rows">
        <Table.Head>
          <Table.Row>
            <Table.Cell>Code</Table.Cell>
            <Table.Cell>Rows</Table.Cell>
            <Table.Cell>What is wrong, what to do</Table.Cell>
          </Table.Row>
        </Table.Head>
        <Table.Body>
          {issues.map(found => (
            <Table.Row key={found.code}>
              <Table.Cell>{found.code}</Table.Cell>
              <Table.Cell>{found.count}</Table.Cell>
              <Table.Cell>{`${found.text} ${found.fix}`}</Table.Cell>
            </Table.Row>
          ))}
        </Table.Body>
      </Table>
    </Layout>
  )
}

const percent = (share: number): string => `${Math.round(100 * share)} %`
