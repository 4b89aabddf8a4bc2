import { readFile } from 'node:fs/promises'
import { loadTables } from '../open-river.ts'
import { demoToken } from './token.ts'

export type FeedAddCommand = {
  readonly mapping?: string
  readonly organisation?: string
  readonly application: readonly string[]
  readonly facility: readonly string[]
  readonly profile?: string
  readonly charset?: string
  readonly url: string
  readonly client?: string
  readonly tokenFile?: string
  readonly demoFile: string
  readonly mappingsFolder?: string
}

/**
 * `flsdb feed add ID`: enrols a sender of HL7 v2 at a running service (`PUT /api/feeds/{id}`). What is not given comes from `source.json` of the
 * mapping folder, by default that of the same name. Rejects with what the service found wrong.
 */
export async function feedAddCommand(id: string, options: FeedAddCommand): Promise<void> {
  const { mappingsFolder } = options
  const { feeds } = loadTables({ acceptTestNumbers: true, ...(mappingsFolder ? { mappingsFolder } : {}) }).mapping
  const mapping = options.mapping ?? (feeds.has(id) ? id : 'hl7v2')
  const source = feeds.get(mapping)?.source
  const organisation = options.organisation ?? source?.organisation
  if (!organisation) throw new Error('Say whose feed this is: --organisation ODS.')
  const { profile = source?.profile, charset = source?.charset } = options
  const statement = {
    organisation,
    protocol: 'hl7v2',
    sendingApplications: options.application.length > 0 ? options.application : (source?.sendingApplications ?? []),
    sendingFacilities: options.facility.length > 0 ? options.facility : (source?.sendingFacilities ?? []),
    mapping,
    ...(profile ? { profile } : {}),
    ...(charset ? { charset } : {}),
  }
  const token = options.tokenFile
    ? (await readFile(options.tokenFile, 'utf8')).trim()
    : await demoToken(options.demoFile, options.client ?? 'operator')
  const answer = await fetch(`${options.url}/api/feeds/${encodeURIComponent(id)}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(statement),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${answer.status} ${text}`)
  console.log(
    `${id}: enrolled for ${organisation}, MSH-3 ${namesOf(statement.sendingApplications)}, MSH-4 ${namesOf(statement.sendingFacilities)}, read with mappings/${mapping}`,
  )
}

function namesOf(names: readonly string[]): string {
  return names.length > 0 ? names.join(' or ') : 'any'
}
