import { Table } from 'nhsuk-react-components'
import { createElement } from 'react'
import { Layout } from './layout.tsx'
import type { Block, Inline } from './markdown.ts'

/** One guide. Everything is text in elements: Markdown from the project's own `docs/`, nothing from a request. */
export function DocsPage({ title, blocks }: { readonly title: string; readonly blocks: readonly Block[] }) {
  return (
    <Layout title={title} scripts={['copy.js']}>
      <div className="flsdb-guide">
        {keyed(blocks).map(([key, block]) => (
          <BlockView key={key} block={block} />
        ))}
      </div>
    </Layout>
  )
}

/** The list of guides. */
export function DocsIndexPage({
  pages,
}: {
  readonly pages: readonly { readonly name: string; readonly title: string }[]
}) {
  return (
    <Layout title="Guides">
      <h1>Guides</h1>
      <ul>
        {pages.map(({ name, title }) => (
          <li key={name}>
            <a href={`/docs/${name}`}>{title}</a>
          </li>
        ))}
      </ul>
    </Layout>
  )
}

function BlockView({ block }: { readonly block: Block }) {
  switch (block.kind) {
    case 'heading':
      return createElement(`h${block.level}`, { id: block.id }, <Words content={block.content} />)
    case 'paragraph':
      return (
        <p>
          <Words content={block.content} />
        </p>
      )
    case 'quote':
      return (
        <blockquote className="nhsuk-inset-text">
          <Words content={block.content} />
        </blockquote>
      )
    case 'code':
      return (
        <div className="flsdb-command">
          <pre tabIndex={0}>
            <code>{block.text}</code>
          </pre>
        </div>
      )
    case 'rule':
      return <hr className="nhsuk-section-break nhsuk-section-break--m nhsuk-section-break--visible" />
    case 'list': {
      const items = keyed(block.items).map(([key, item]) => (
        <li key={key}>
          <Words content={item} />
        </li>
      ))
      return block.isOrdered ? <ol>{items}</ol> : <ul>{items}</ul>
    }
    case 'table':
      return <TableView head={block.head} rows={block.rows} />
  }
}

function TableView({
  head,
  rows,
}: {
  readonly head: readonly (readonly Inline[])[]
  readonly rows: readonly (readonly (readonly Inline[])[])[]
}) {
  const cells = (row: readonly (readonly Inline[])[]) =>
    keyed(row).map(([key, cell]) => (
      <Table.Cell key={key}>
        <Words content={cell} />
      </Table.Cell>
    ))
  return (
    <div className="flsdb-wide">
      <Table>
        <Table.Head>
          <Table.Row>{cells(head)}</Table.Row>
        </Table.Head>
        <Table.Body>
          {keyed(rows).map(([key, row]) => (
            <Table.Row key={key}>{cells(row)}</Table.Row>
          ))}
        </Table.Body>
      </Table>
    </div>
  )
}

function Words({ content }: { readonly content: readonly Inline[] }) {
  return keyed(content).map(([key, part]) => <Word key={key} part={part} />)
}

function Word({ part }: { readonly part: Inline }) {
  switch (part.kind) {
    case 'text':
      return part.text
    case 'code':
      return <code>{part.text}</code>
    case 'strong':
      return <strong>{part.text}</strong>
    case 'emphasis':
      return <em>{part.text}</em>
    case 'link':
      return <a href={part.to}>{part.text}</a>
  }
}

/** The parts of a finished document never move: their place is their key. */
function keyed<T>(parts: readonly T[]): readonly (readonly [string, T])[] {
  return parts.map((part, index) => [String(index), part])
}
