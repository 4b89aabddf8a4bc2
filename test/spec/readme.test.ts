import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { generatedIssueCodes } from '../../scripts/generate/issue-codes.ts'
import { generatedReadme } from '../../scripts/generate/readme-settings.ts'
import { generatedStorySamples } from '../../scripts/generate/story-samples.ts'
import { policy } from '../../src/access/policy.ts'
import { settings } from '../../src/config.ts'
import { issueCodes } from '../../src/fls/issue.ts'

const root = path.join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(path.join(root, file), 'utf8')
const inFolder = (folder: string) =>
  readdirSync(path.join(root, folder))
    .filter(name => name.endsWith('.md'))
    .map(name => `${folder}/${name}`)
const pages = ['README.md', 'CONTRIBUTING.md', 'GLOSSARY.md', ...inFolder('docs'), ...inFolder('docs/guides')]
const guides = pages.filter(page => page === 'README.md' || page.startsWith('docs/guides/'))

describe('generated pages and files are fresh (npm run generate)', () => {
  test.each([...generatedReadme(), ...generatedIssueCodes()])('%s', (file, content) => {
    expect(read(file)).toBe(content)
  })

  test('samples/stories', () => {
    const made = generatedStorySamples()
    const stale = [...made].filter(
      ([file, bytes]) => !existsSync(path.join(root, file)) || !readFileSync(path.join(root, file)).equals(bytes),
    )
    expect(stale.map(([file]) => file)).toEqual([])
    const left = readdirSync(path.join(root, 'samples/stories'), { recursive: true, encoding: 'utf8' })
      .map(name => `samples/stories/${name.split(path.sep).join('/')}`)
      .filter(name => /\/\d\d\/./.test(name) && !made.has(name))
    expect(left).toEqual([])
  })
})

describe('what the guides name exists', () => {
  test.each(pages)('links of %s', page => {
    const links = [...read(page).matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)].map(match => match[1] ?? '')
    const missing = links
      .filter(link => !/^(?:[a-z]+:|\/)/.test(link))
      .filter(link => !existsSync(path.join(root, path.dirname(page), link)))
    expect(missing).toEqual([])
  })

  test('sample files, apart from patterns', () => {
    const named = guides.flatMap(page =>
      [...read(page).matchAll(/\bsamples\/[\w./-]+\.(?:hl7|json|csv|ndjson)\b/g)].map(match => match[0]),
    )
    expect([...new Set(named)].filter(file => !existsSync(path.join(root, file)))).toEqual([])
  })

  test('settings', () => {
    const named = new Set(
      guides.flatMap(page => [...read(page).matchAll(/\b(?:FLSDB|OIDC|MONGODB)_[A-Z_]+\b/g)].map(match => match[0])),
    )
    expect([...named].filter(name => !(name in settings))).toEqual([])
  })

  test('routes', () => {
    const routes = Object.keys(policy).map(key => shapeOf(key.split(' ')[1] ?? ''))
    const named = guides.flatMap(page =>
      [...read(page).matchAll(/\$URL(\/(?:api|fhir)\/?[^\s"'?`)]*)/g)].map(match => match[1] ?? ''),
    )
    const unknown = [...new Set(named)].filter(address => !routes.some(route => fits(route, shapeOf(address))))
    expect(unknown).toEqual([])
    expect(named.length).toBeGreaterThan(20)
  })

  test('subcommands of flsdb', () => {
    const commands = readdirSync(path.join(root, 'src/cli')).map(file => read(`src/cli/${file}`))
    const known = new Set(
      commands.flatMap(text => [...text.matchAll(/(?:\.command|new Command)\('(\w+)'\)/g)].map(match => match[1])),
    )
    const named = guides.flatMap(page => [...read(page).matchAll(/npx flsdb (\w+)/g)].map(match => match[1]))
    expect([...new Set(named)].filter(name => !known.has(name))).toEqual([])
  })

  test('issue codes that stand as answers', () => {
    const named = guides.flatMap(page => [...read(page).matchAll(/issue `([a-z0-9-]+)`/g)].map(match => match[1] ?? ''))
    expect([...new Set(named)].filter(code => !Object.hasOwn(issueCodes, code))).toEqual([])
  })
})

/** Segments of a path; a parameter of the route or a variable of the shell stands for anything. */
function shapeOf(address: string): readonly string[] {
  return address.replace(/\/$/, '').split('/').slice(1)
}

function fits(route: readonly string[], address: readonly string[]): boolean {
  return (
    route.length === address.length &&
    route.every(
      (segment, index) =>
        segment.startsWith(':') || address[index] === segment || /^\$\w|^\\\$\w/.test(address[index] ?? ''),
    )
  )
}
