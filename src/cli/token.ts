import { readFile } from 'node:fs/promises'
import { readDemoIdentities } from '../access/demo-file.ts'

/** `flsdb token CLIENT`: prints a bearer token of a client of the running demo and nothing else, for use with `curl`. */
export async function tokenCommand(client: string, { demoFile }: { readonly demoFile: string }): Promise<void> {
  console.log(await demoToken(demoFile, client))
}

/**
 * A token of a demo client, named by its id or by its role (then the first client of that role). Rejects with a sentence that says what to
 * do when there is no such client or the service does not run.
 */
export async function demoToken(demoFile: string, name: string): Promise<string> {
  const clients = (await readDemoIdentities(demoFile))?.clients.filter(one => one.clientSecret !== '') ?? []
  const client = clients.find(one => one.clientId === name) ?? clients.find(one => one.role === name)
  if (!client) throw new Error(`No client ${name} in ${demoFile}. Start the demo, or name one of its clients or roles.`)
  const { tokenUrl, audience } = JSON.parse(await readFile(demoFile, 'utf8')) as { tokenUrl: string; audience: string }
  const answer = await fetch(tokenUrl, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${client.clientId}:${client.clientSecret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: client.scope, resource: audience }),
  }).catch((cause: unknown) => {
    throw new Error('The identity provider does not answer. Start the service first.', { cause })
  })
  const body: unknown = await answer.json()
  if (typeof body === 'object' && body !== null && 'access_token' in body && typeof body.access_token === 'string')
    return body.access_token
  throw new Error(`The identity provider gave no token (${answer.status}).`)
}
