import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Instant } from '../../src/fls/dates.ts'
import type { InboxId, OdsCode } from '../../src/fls/fact.ts'
import type { EntryReading } from '../../src/mapping/read.ts'
import type { FeedTables } from '../../src/mapping/tables.ts'
import type { InboxEntry } from '../../src/sources/arrival.ts'

/** One message beside its table, `mappings/<feed>/samples/<name>.hl7`, and where its expected reading stands. */
export type Sample = { readonly name: string; readonly feed: string; readonly file: string; readonly expected: string }

export function samplesOf(mappings: string, feeds: readonly string[]): readonly Sample[] {
  return feeds.flatMap(feed => {
    const folder = join(mappings, feed, 'samples')
    const files = readdirSync(folder).filter(file => file.endsWith('.hl7'))
    return files.sort().map(file => ({
      name: `${feed}/${file}`,
      feed,
      file: join(folder, file),
      expected: join(folder, file.replace(/\.hl7$/, '.expected.json')),
    }))
  })
}

/** The sample as it would stand in the inbox: received at a fixed moment, by the feed of its folder. */
export function entryOf(sample: Sample, feed: FeedTables): InboxEntry {
  const bytes = readFileSync(sample.file)
  const [, sender = ''] = /^MSH\|[^|]*\|[^|]*\|([^|]*)/.exec(bytes.toString('utf8')) ?? []
  return {
    id: createHash('sha256').update(sample.name).digest('hex') as InboxId,
    sender: sample.feed,
    organisation: (feed.source.organisation ?? sender.slice(0, 3)) as OdsCode,
    side: 'hospital',
    protocol: 'hl7v2',
    controlId: /\|([A-Z]\d{4})\|/.exec(bytes.toString('utf8'))?.[1] ?? '',
    type: '',
    bytes,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    receivedAt: '2026-12-01T12:00:00.000Z' as Instant,
  }
}

/** A reading without what changes with every edit of a table (ids, hashes) or is the same everywhere (sender). */
export function plainReading({ facts, issues }: EntryReading): unknown {
  const plain = facts.map(({ id, organisation, side, source, ...rest }) => ({
    row: source.row,
    path: source.path,
    ...rest,
  }))
  return JSON.parse(JSON.stringify({ facts: plain, issues }))
}
