type Schema = {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
}
type Operation = {
  readonly summary: string
  readonly operationId: string
  readonly tags: readonly string[]
  readonly description?: string
  readonly security?: readonly object[]
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Schema }>> }
}
export type Description = { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> }

/**
 * A Bruno collection of every described operation, one folder a tag: file → text. What stands in braces is asked of the environment `demo`;
 * `npx flsdb token ROLE` gives the token.
 */
export function brunoOf(description: Description): ReadonlyMap<string, string> {
  const files = new Map([
    ['bruno.json', `${JSON.stringify({ version: '1', name: 'FLS-DB JSON API', type: 'collection' }, null, 2)}\n`],
    [
      'collection.bru',
      blocks([
        ['auth', ['mode: bearer']],
        ['auth:bearer', ['token: {{token}}']],
      ]),
    ],
    ['environments/demo.bru', blocks([['vars', ['url: http://127.0.0.1:3000', 'token: ']]])],
  ])
  for (const [path, methods] of Object.entries(description.paths))
    for (const [method, operation] of Object.entries(methods))
      files.set(`${operation.tags[0]}/${operation.operationId}.bru`, request(path, method, operation))
  return files
}

function request(path: string, method: string, operation: Operation): string {
  const { summary, parameters = [], security, description, requestBody } = operation
  const of = (place: string) => parameters.filter(parameter => parameter.in === place)
  const body = requestBody && Object.entries(requestBody.content).find(([type]) => type === 'application/json')?.[1]
  const kind = body ? 'json' : requestBody ? 'multipartForm' : 'none'
  // An optional parameter is there to be switched on.
  const query = of('query').map(({ name, required }) => `${required ? '' : '~'}${name}: `)
  const wanted = of('query').flatMap(({ name, required }) => (required ? [`${name}=`] : []))
  const address = path.replace(/\{(\w+)\}/g, ':$1')
  return blocks([
    ['meta', [`name: ${summary.replace(/\.$/, '')}`, 'type: http']],
    [
      method,
      [
        `url: {{url}}${address}${wanted.length > 0 ? `?${wanted.join('&')}` : ''}`,
        `body: ${kind}`,
        `auth: ${security?.length === 0 ? 'none' : 'inherit'}`,
      ],
    ],
    ...(query.length > 0 ? [['params:query', query] as const] : []),
    ...(of('path').length > 0 ? [['params:path', of('path').map(({ name }) => `${name}: `)] as const] : []),
    ...(body ? [['body:json', JSON.stringify(exampleOf(body.schema ?? {}), null, 2).split('\n')] as const] : []),
    ...(kind === 'multipartForm' ? [['body:multipart-form', ['file: @file()']] as const] : []),
    ...(description ? [['docs', [description]] as const] : []),
  ])
}

function blocks(parts: readonly (readonly [name: string, lines: readonly string[]])[]): string {
  return parts.map(([name, lines]) => `${name} {\n${lines.map(line => `  ${line}\n`).join('')}}\n`).join('\n')
}

/** What must be there, empty or the first of its words. */
function exampleOf(schema: Schema): unknown {
  if (schema.enum) return schema.enum[0]
  if (schema.anyOf?.[0]) return exampleOf(schema.anyOf[0])
  switch (schema.type) {
    case 'object':
      return Object.fromEntries((schema.required ?? []).map(name => [name, exampleOf(schema.properties?.[name] ?? {})]))
    case 'array':
      return []
    case 'boolean':
      return true
    case 'integer':
    case 'number':
      return 0
    default:
      return ''
  }
}
