import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { loadKeys } from '../src/access/keys.ts'
import { type OpenRiver, openRiver } from '../src/open-river.ts'
import type { Accept } from '../src/sources/arrival.ts'
import { parseMessage } from '../src/sources/hl7v2/message.ts'
import { peekRecordKey } from '../src/sources/hl7v2/record-key.ts'
import { openInbox } from '../src/store/inbox.ts'
import { ensureIndexes, openStore, type Store } from '../src/store/store.ts'
import { enrolRoster } from '../src/wiring/demo.ts'
import { makeWorld } from '../synthetic/world.ts'
import type { HospitalMessage } from './traffic.ts'

/** The river without doors, in this process, on an empty database: what a worker or a replay sees. */
export type BenchRiver = OpenRiver & {
  readonly store: Store
  readonly accept: Accept
  readonly keyFile: string
  readonly close: () => Promise<void>
}

export async function openBenchRiver(uri: string, name: string): Promise<BenchRiver> {
  const store = await openStore(uri, `bench-${name}`)
  await store.db.dropDatabase()
  await ensureIndexes(store)
  const folder = await mkdtemp(path.join(tmpdir(), 'flsdb-bench-'))
  const keyFile = path.join(folder, 'keys.json')
  const keys = await loadKeys(keyFile, true)
  const accept = openInbox({ store, gate: async () => ({ isOpen: true }), clock: () => new Date() })
  return {
    ...openRiver(store, keys, { acceptTestNumbers: true }),
    store,
    accept,
    keyFile,
    close: async () => {
      await store.db.dropDatabase()
      await store.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Enrols the demo's feeds and keeps the messages, as the door would. */
export async function keepMessages({ accept }: BenchRiver, messages: readonly HospitalMessage[]): Promise<void> {
  const roster = makeWorld({ seed: 'fls-db demo', size: 'small' }).roster()
  await enrolRoster(accept, roster, new Date())
  const organisations = new Map(roster.feeds.map(feed => [feed.id, feed.organisation]))
  for (let at = 0; at < messages.length; at += 500) {
    await Promise.all(
      messages.slice(at, at + 500).map(({ feed, controlId, type, bytes }) => {
        const organisation = organisations.get(feed)
        const message = parseMessage(bytes)
        if (!organisation || !message) throw new Error(`feed ${feed} is not enrolled`)
        const recordKey = peekRecordKey(message, feed)
        return accept({
          ...{ sender: feed, organisation, side: 'hospital', protocol: 'hl7v2', controlId, type, bytes },
          ...(recordKey ? { recordKey } : {}),
        })
      }),
    )
  }
}
