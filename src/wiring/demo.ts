import path from 'node:path'
import type { Roster } from '../../synthetic/roster.ts'
import { makeWorld } from '../../synthetic/world.ts'
import { readDemoIdentities, writeDemoFile } from '../access/demo-file.ts'
import { type DemoIdentities, demoIdentities } from '../access/demo-identities.ts'
import { type DemoProvider, newPrivateKey, startDemoProvider } from '../access/demo-provider.ts'
import type { RegisterEntry } from '../access/statements.ts'
import type { Config } from '../config.ts'
import type { InboxId, OdsCode } from '../fls/fact.ts'
import type { Accept } from '../sources/arrival.ts'
import { registerBytes } from '../store/registers.ts'

/** Demo and test only: the identity provider with its clients and users, and who is enrolled before the first message. */
export type Demo = {
  readonly provider: DemoProvider
  readonly identities: DemoIdentities
  readonly roster: Roster
  readonly file: string
}

export async function openDemo(config: Config, publicUrl: string): Promise<Demo> {
  if (config.profile === 'production') throw new Error('there is no demo in production')
  const roster = makeWorld({ seed: demoSeed, size: 'small' }).roster()
  const file = path.join(config.dataFolder, 'demo.json')
  const identities = demoIdentities(identitiesRoster(roster), await readDemoIdentities(file), await newPrivateKey())
  const provider = await startDemoProvider({ profile: config.profile, publicUrl, identities })
  return { provider, identities, roster, file }
}

/** The seed of the demo's world: screenshots and guides match what everybody sees. */
export const demoSeed = 'fls-db demo'

/** Enrols the roster through the inbox, as an operator would; the same again changes nothing. Returns the entries to wait for. */
export async function enrolRoster(accept: Accept, roster: Roster, now: Date): Promise<InboxId[]> {
  const entries: RegisterEntry[] = [
    ...roster.feeds.map(({ id, organisation, protocol, sendingApplications, sendingFacilities, mapping }) => ({
      register: 'feed' as const,
      id,
      by: 'demo',
      statement: {
        organisation,
        protocol,
        sendingApplications: [...sendingApplications],
        sendingFacilities: [...sendingFacilities],
        ...(mapping ? { mapping } : {}),
        profile: 'stored' as const,
        isActive: true,
      },
    })),
    ...roster.sites.map(({ ods, name, organisation, fls, hipFractures }) => ({
      register: 'site' as const,
      id: ods,
      by: 'demo',
      statement: { name, organisation, fls, hipFractures },
    })),
    ...roster.practices.map(({ ods, name, supplier, optedIn, from, fls }) => ({
      register: 'practice' as const,
      id: ods,
      by: 'demo',
      statement: { optedIn, from, name, supplier, fls, evidence: 'synthetic' },
    })),
    {
      register: 'opt-outs',
      id: 'national',
      by: 'demo',
      // Synthetic list: the month in the bytes keeps one list a month, long enough valid for a demo.
      statement: {
        issuedAt: `${now.toISOString().slice(0, 7)}-01T00:00:00Z`,
        expiresAt: new Date(now.getTime() + 62 * 86_400_000).toISOString().slice(0, 7) + '-28T00:00:00Z',
        nhsNumbers: ['9990000018', '9990000026'],
      },
    },
  ]
  const kept = await Promise.all(
    entries.map(entry =>
      accept({
        sender: 'user:demo',
        organisation: 'FLSDB' as OdsCode,
        side: 'site',
        protocol: 'register',
        controlId: `${entry.register}/${entry.id}`,
        type: entry.register,
        bytes: registerBytes(entry),
      }),
    ),
  )
  return kept.filter(one => one.outcome === 'kept').map(one => one.inboxId)
}

/** Writes `.flsdb/demo.json`, mode 600: all that is needed to try every role. */
export async function writeDemo(demo: Demo, where: { url: string; mllpHost: string; mllpPort: number }): Promise<void> {
  const { roster, identities, provider } = demo
  const clientOf = (feed: string) => identities.clients.find(client => client.feeds.includes(feed))?.clientId
  await writeDemoFile(demo.file, {
    url: where.url,
    tokenUrl: provider.tokenUrl,
    issuer: provider.issuer,
    audience: provider.audience,
    fhir: `${where.url}/fhir`,
    api: `${where.url}/api`,
    mllp: { host: where.mllpHost, port: where.mllpPort },
    feeds: roster.feeds.map(({ id, organisation, protocol, sendingApplications, sendingFacilities }) => {
      const client = clientOf(id)
      return { id, organisation, protocol, sendingApplications, sendingFacilities, ...(client ? { client } : {}) }
    }),
    practices: roster.practices.map(({ ods, name, supplier, optedIn, from }) => ({
      ods,
      name,
      supplier,
      optedIn,
      from,
    })),
    sites: roster.sites.map(({ ods, name, organisation, fls }) => ({ ods, name, organisation, fls })),
    clients: identities.clients,
    users: identities.users,
  })
}

function identitiesRoster(roster: Roster): Parameters<typeof demoIdentities>[0] {
  const hospitals = [...new Set(roster.feeds.filter(feed => feed.protocol === 'fhir').map(feed => feed.organisation))]
  const suppliers = [...new Set(roster.practices.map(practice => practice.supplier))]
  return {
    hospitals: hospitals.map(organisation => ({
      organisation,
      feeds: roster.feeds
        .filter(feed => feed.organisation === organisation && feed.protocol === 'fhir')
        .map(feed => feed.id),
    })),
    supplierGroups: suppliers.map(name => ({
      name,
      feed: roster.feeds.find(feed => feed.protocol === 'extract' && feed.id.startsWith(name))?.id ?? name,
      practices: roster.practices.filter(practice => practice.supplier === name).map(practice => practice.ods),
    })),
  }
}
