import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { issue } from '../fls/issue.ts'
import { Refusal } from './refusal.ts'
import type { Route } from './route.ts'

const require = createRequire(import.meta.url)
const own = (name: string) => fileURLToPath(new URL(`../web/client/${name}`, import.meta.url))
const nhsuk = path.join(path.dirname(require.resolve('nhsuk-frontend/package.json')), 'dist', 'nhsuk')
const swagger = path.dirname(require.resolve('swagger-ui-dist/package.json'))

/** THE list of files a browser may fetch: name → file. Nothing else is reachable, whatever the address says. */
const files: ReadonlyMap<string, string> = new Map([
  ['nhsuk.css', path.join(nhsuk, 'nhsuk-frontend.min.css')],
  ['site.css', own('site.css')],
  ['favicon.svg', own('favicon.svg')],
  ['copy.js', own('copy.js')],
  ['api-docs.js', own('api-docs.js')],
  ['swagger-ui.css', path.join(swagger, 'swagger-ui.css')],
  ['swagger-ui-bundle.js', path.join(swagger, 'swagger-ui-bundle.js')],
  ['oauth2-redirect.html', path.join(swagger, 'oauth2-redirect.html')],
  ['oauth2-redirect.js', path.join(swagger, 'oauth2-redirect.js')],
])
const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.html': 'text/html; charset=utf-8',
}

/** Styles and scripts, served from here so that no page needs another host. Revalidated by ETag. */
export function assetRoutes(): Route[] {
  const loaded = new Map<string, { body: Buffer; etag: string }>()
  return [
    {
      key: 'GET /assets/:file',
      summary: 'Styles and scripts of the pages.',
      touchesPatientData: false,
      handle: async ({ request, response }) => {
        const name = String(request.params['file'])
        const file = files.get(name)
        if (!file) throw new Refusal(404, [issue('not-found', 'address')])
        const known = loaded.get(name) ?? load(file)
        loaded.set(name, known)
        response.set({
          ETag: known.etag,
          'Cache-Control': 'no-cache',
          'Content-Type': types[path.extname(file)] ?? 'text/plain',
        })
        if (request.headers['if-none-match'] === known.etag) response.status(304).end()
        else response.end(known.body)
      },
    },
  ]
}

function load(file: string): { body: Buffer; etag: string } {
  const raw = readFileSync(file)
  // The NHS stylesheet names fonts on another host, which our pages may not fetch; without them it falls back to Arial.
  const body = file.endsWith('.css') ? Buffer.from(raw.toString('utf8').replace(/@font-face\s*\{[^}]*\}/g, '')) : raw
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` }
}
