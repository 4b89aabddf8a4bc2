import type { Db } from 'mongodb'
import { type ClientCertificate, isCertificateNamed } from '../access/client-certificate.ts'
import {
  type DatedOptIn,
  type Feed,
  optInAt,
  type PracticeStatement,
  type SiteStatement,
} from '../access/statements.ts'
import type { Instant } from '../fls/dates.ts'
import type { OdsCode } from '../fls/fact.ts'
import { optInsOf, registerCollection, registerVersion } from './registers.ts'

export type Site = SiteStatement & { readonly ods: OdsCode }
export type Practice = PracticeStatement & { readonly ods: OdsCode; readonly optIns: readonly DatedOptIn[] }

/** The registers as one value, loaded together: who may send, which FLS is whose, who is opted in. Compare `version` to know when to load again. */
export type Directory = {
  readonly version: number
  readonly feeds: ReadonlyMap<string, Feed>
  readonly sites: ReadonlyMap<string, Site>
  readonly practices: ReadonlyMap<string, Practice>
  /**
   * The enrolled HL7 v2 feed of MSH-3 and MSH-4 (first component counts) for a connection that showed this client certificate, or none.
   * Undefined = not this sender's, or nobody's.
   */
  readonly feedOf: (
    sendingApplication: string,
    sendingFacility: string,
    certificate?: ClientCertificate,
  ) => Feed | undefined
  /** Whether the pair is enrolled at all, whoever may use it. */
  readonly isSenderEnrolled: (sendingApplication: string, sendingFacility: string) => boolean
  /** Trust or hospital site → the FLS its patients belong to. */
  readonly hospitalToFls: ReadonlyMap<OdsCode, OdsCode>
  readonly practiceToFls: ReadonlyMap<OdsCode, OdsCode>
  readonly isPracticeOpen: (practice: OdsCode, at: Instant) => boolean
}

/** Reads all registers (small: thousands of lines at most) at one version. */
export async function loadDirectory(db: Db): Promise<Directory> {
  const version = await registerVersion(db)
  const [feeds, sites, practices] = await Promise.all([
    registerCollection(db, 'feed').find().sort({ _id: 1 }).toArray(),
    registerCollection(db, 'site').find().sort({ _id: 1 }).toArray(),
    registerCollection(db, 'practice').find().sort({ _id: 1 }).toArray(),
  ])
  return directoryOf(version, {
    feeds: feeds.flatMap(({ _id, history }) => {
      const last = history.at(-1)?.statement
      return last ? [{ ...last, id: _id, organisation: last.organisation as OdsCode }] : []
    }),
    sites: sites.flatMap(({ _id, history }) => {
      const last = history.at(-1)?.statement
      return last ? [{ ...last, ods: _id as OdsCode }] : []
    }),
    practices: practices.flatMap(document => {
      const merged: PracticeStatement = { optedIn: false }
      for (const { statement } of document.history) Object.assign(merged, statement)
      return [{ ...merged, ods: document._id as OdsCode, optIns: optInsOf(document) }]
    }),
  })
}

/**
 * The registers as they were at most `maxAgeMs` milliseconds ago, loaded again when their version has moved. Everybody who asks within that
 * time shares one question to the database.
 */
export function cachedDirectory(db: Db, maxAgeMs: number): () => Promise<Directory> {
  let loaded: Directory | undefined
  let latest: { readonly at: number; readonly answer: Promise<Directory> } | undefined
  const ask = async (): Promise<Directory> => {
    if (loaded?.version === (await registerVersion(db))) return loaded
    loaded = await loadDirectory(db)
    return loaded
  }
  return () => {
    const at = performance.now()
    if (latest && at - latest.at < maxAgeMs) return latest.answer
    const asked = { at, answer: ask() }
    latest = asked
    asked.answer.catch(() => {
      if (latest === asked) latest = undefined
    })
    return asked.answer
  }
}

/** Builds the look-ups; pure. When several feeds claim the same MSH-3 and MSH-4, the most specific, then the first by id, is taken. */
export function directoryOf(
  version: number,
  parts: { readonly feeds: readonly Feed[]; readonly sites: readonly Site[]; readonly practices: readonly Practice[] },
): Directory {
  const practices = new Map(parts.practices.map(practice => [practice.ods as string, practice]))
  return {
    version,
    feeds: new Map(parts.feeds.map(feed => [feed.id, feed])),
    sites: new Map(parts.sites.map(site => [site.ods as string, site])),
    practices,
    feedOf: rememberedFeeds(parts.feeds),
    isSenderEnrolled: (application, facility) => feedsNamed(parts.feeds, application, facility).length > 0,
    hospitalToFls: hospitalTable(parts.sites),
    practiceToFls: new Map(parts.practices.flatMap(({ ods, fls }) => (fls ? [[ods, fls as OdsCode] as const] : []))),
    isPracticeOpen: (practice, at) => optInAt(practices.get(practice)?.optIns ?? [], at).isOpen,
  }
}

/** A site that is an FLS serves itself and, as the first of its organisation, the whole trust; a named FLS wins over that. */
function hospitalTable(sites: readonly Site[]): ReadonlyMap<OdsCode, OdsCode> {
  const table = new Map<OdsCode, OdsCode>()
  for (const { ods, organisation, fls } of sites) {
    if (fls === false) continue
    const served = fls === true ? ods : (fls as OdsCode)
    table.set(ods, served)
    const trust = organisation as OdsCode
    if (!table.has(trust)) table.set(trust, served)
  }
  return table
}

/** Senders are few and come back with every message; what nobody enrolled can be anything and must not fill the memory. */
const mostRemembered = 10_000

function rememberedFeeds(feeds: readonly Feed[]): Directory['feedOf'] {
  const remembered = new Map<string, Feed | undefined>()
  return (application, facility, certificate) => {
    const key = `${application}\n${facility}\n${certificate?.fingerprint256 ?? ''}`
    if (remembered.has(key)) return remembered.get(key)
    const feed = findFeed(feeds, application, facility, certificate)
    if (remembered.size >= mostRemembered) remembered.clear()
    remembered.set(key, feed)
    return feed
  }
}

function findFeed(
  feeds: readonly Feed[],
  application: string,
  facility: string,
  certificate: ClientCertificate | undefined,
): Feed | undefined {
  const own = feedsNamed(feeds, application, facility).filter(({ certificates = [] }) =>
    certificate ? isCertificateNamed(certificate, certificates) : certificates.length === 0,
  )
  return own.toSorted((a, b) => specificity(b) - specificity(a) || (a.id < b.id ? -1 : 1))[0]
}

function feedsNamed(feeds: readonly Feed[], application: string, facility: string): Feed[] {
  return feeds.filter(
    feed =>
      feed.isActive &&
      feed.protocol === 'hl7v2' &&
      feed.sendingApplications.length + feed.sendingFacilities.length > 0 &&
      names(feed.sendingApplications, application) &&
      names(feed.sendingFacilities, facility),
  )
}

function specificity(feed: Feed): number {
  return Math.sign(feed.sendingApplications.length) + Math.sign(feed.sendingFacilities.length)
}

function names(allowed: readonly string[], sent: string): boolean {
  const whole = sent.trim()
  const namespace = whole.split('^')[0]?.trim()
  return allowed.length === 0 || allowed.some(name => name === whole || name === namespace)
}
