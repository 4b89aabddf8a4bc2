import type { OdsCode } from '../src/fls/fact.ts'
import type { Setting } from './households.ts'
import { instantAt, momentOf } from './moments.ts'
import { practices, trusts } from './places.ts'

/** Whom to enrol before the world is sent: feeds with their MSH-3/4, sites with their FLS, practices with their opt-in. */
export type Roster = {
  readonly feeds: readonly {
    readonly id: string
    readonly organisation: OdsCode
    readonly protocol: 'hl7v2' | 'fhir' | 'extract'
    readonly sendingApplications: readonly string[]
    readonly sendingFacilities: readonly string[]
    readonly mapping: string
  }[]
  readonly sites: readonly {
    readonly ods: OdsCode
    readonly name: string
    readonly organisation: OdsCode
    readonly fls: OdsCode
    readonly hipFractures: number
  }[]
  readonly practices: readonly {
    readonly ods: OdsCode
    readonly name: string
    readonly supplier: string
    readonly shape: 'emis' | 'tpp' | 'neutral'
    readonly optedIn: boolean
    readonly from: string
    readonly fls: OdsCode
  }[]
}

export function rosterOf(setting: Setting): Roster {
  const from = instantAt(momentOf(setting.start - 90, 0)).slice(0, 10)
  return {
    feeds: [
      ...trusts.flatMap(trust => [
        {
          id: trust.pasFeed,
          organisation: trust.ods,
          protocol: 'hl7v2' as const,
          sendingApplications: ['PAS'],
          sendingFacilities: [trust.site],
          mapping: mappingOf(trust.pasFeed),
        },
        {
          id: trust.risFeed,
          organisation: trust.ods,
          protocol: 'hl7v2' as const,
          sendingApplications: ['RIS'],
          sendingFacilities: [trust.site],
          mapping: mappingOf(trust.pasFeed),
        },
        {
          id: trust.flsFeed,
          organisation: trust.ods,
          protocol: 'fhir' as const,
          sendingApplications: [],
          sendingFacilities: [],
          mapping: 'fhir-r4',
        },
      ]),
      ...(['gp-emis', 'gp-tpp'] as const).map(id => ({
        id,
        organisation: id.toUpperCase() as OdsCode,
        protocol: 'extract' as const,
        sendingApplications: [],
        sendingFacilities: [],
        mapping: 'gp-extract',
      })),
    ],
    sites: trusts.map(trust => ({
      ods: trust.site,
      name: trust.name,
      organisation: trust.ods,
      fls: trust.ods,
      hipFractures: trust.hipFractures,
    })),
    practices: practices.map(({ ods, name, supplier, shape, isOptedIn, trust }) => ({
      ods,
      name,
      supplier,
      shape,
      optedIn: isOptedIn,
      from,
      fls: trust.ods,
    })),
  }
}

/** The two demo hospitals have folders of their own; the others need none. */
function mappingOf(feed: string): string {
  return feed === 'rxx01-pas' || feed === 'ryy02-pas' ? feed : 'hl7v2'
}
