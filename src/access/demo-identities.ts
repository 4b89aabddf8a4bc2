import { randomBytes } from 'node:crypto'
import type { OdsCode } from '../fls/fact.ts'
import type { Role } from './principal.ts'

/** One machine client of the demo: every role has at least one, so that all can be tried with `curl` and client credentials. */
export type DemoClient = {
  readonly role: Role
  readonly clientId: string
  readonly clientSecret: string
  readonly organisations: readonly OdsCode[]
  readonly feeds: readonly string[]
  readonly practices: readonly OdsCode[]
  readonly scope: string
  /** Present on clients that sign their own assertion (private_key_jwt) instead of sending a secret: private key as JWK. */
  readonly privateKey?: Readonly<Record<string, unknown>>
}
/** One person of the demo; signs in with one click on the provider's page, or with the password. */
export type DemoUser = {
  readonly role: Role
  readonly username: string
  readonly password: string
  readonly organisations: readonly OdsCode[]
}
export type DemoIdentities = { readonly clients: readonly DemoClient[]; readonly users: readonly DemoUser[] }

/** Who stands behind the demo identities: hospitals with their FHIR feeds, supplier groups with their practices and extract feed. */
export type DemoRoster = {
  readonly hospitals: readonly { readonly organisation: OdsCode; readonly feeds: readonly string[] }[]
  readonly supplierGroups: readonly {
    readonly name: string
    readonly feed: string
    readonly practices: readonly OdsCode[]
  }[]
}

/** The one scope the demo's tokens carry; what a token may do follows from its role. */
export const demoScope = 'fls-db'

const hospitalRoles = ['nurse', 'lead', 'engineer'] as const satisfies readonly Role[]
const programmeRoles = [
  'analyst',
  'linkage-reviewer',
  'ig-lead',
  'programme',
  'operator',
] as const satisfies readonly Role[]

/**
 * One client per role and hospital or supplier group, and one user per role people have, with fresh random secrets. `known`: identities
 * of an earlier start; their secrets stay, so that scripts go on working. `sign` makes a key pair for the private_key_jwt client.
 */
export function demoIdentities(
  roster: DemoRoster,
  known: DemoIdentities | undefined,
  privateKey: Readonly<Record<string, unknown>>,
): DemoIdentities {
  const secretOf = (clientId: string): string =>
    known?.clients.find(client => client.clientId === clientId)?.clientSecret ?? newSecret()
  const client = (role: Role, clientId: string, more: Partial<DemoClient>): DemoClient => ({
    role,
    clientId,
    clientSecret: secretOf(clientId),
    organisations: [],
    feeds: [],
    practices: [],
    scope: demoScope,
    ...more,
  })
  const hospitals = roster.hospitals.flatMap(({ organisation, feeds }, index) => {
    const suffix = organisation.toLowerCase()
    const own = { organisations: [organisation], feeds }
    return [
      client('hospital', `hospital-${suffix}`, own),
      ...hospitalRoles.map(role => client(role, `${role}-${suffix}`, { organisations: [organisation] })),
      ...(index === 0 ? [client('hospital', `hospital-${suffix}-key`, { ...own, clientSecret: '', privateKey })] : []),
    ]
  })
  const suppliers = roster.supplierGroups.map(({ name, feed, practices }) =>
    client('gp-supplier', `gp-supplier-${name}`, { feeds: [feed], practices }),
  )
  const programme = programmeRoles.map(role => client(role, role, {}))
  return { clients: [...hospitals, ...suppliers, ...programme], users: usersOf(roster, known) }
}

function usersOf(roster: DemoRoster, known: DemoIdentities | undefined): DemoUser[] {
  const user = (role: Role, username: string, organisations: readonly OdsCode[]): DemoUser => ({
    role,
    username,
    password: known?.users.find(one => one.username === username)?.password ?? newSecret(),
    organisations,
  })
  return [
    ...roster.hospitals.flatMap(({ organisation }) =>
      hospitalRoles.map(role => user(role, `${role}-${organisation.toLowerCase()}`, [organisation])),
    ),
    ...programmeRoles.map(role => user(role, role, [])),
  ]
}

function newSecret(): string {
  return randomBytes(24).toString('base64url')
}
