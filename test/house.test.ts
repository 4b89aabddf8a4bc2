import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from '@jest/globals'

/** What house.md promises in prose, checked. Each rule lists the offenders, so a failure says where. */
const root = path.join(import.meta.dirname, '..')
const folders = ['src', 'test', 'bench', 'scripts', 'synthetic', 'bin']
const files = folders.flatMap(folder => walk(path.join(root, folder))).filter(file => /\.(ts|tsx|mjs)$/.test(file))
const sources = files.filter(file => under(file, 'src') || under(file, 'synthetic'))
const content = new Map(files.map(file => [file, readFileSync(file, 'utf8')]))
/** Files that are one table, one row per line, are exempt from length. */
const tables = ['src/fls/issue.ts', 'src/fls/items.ts', 'src/fls/lists.ts', 'src/access/policy.ts']
const banned =
  /^(util|utils|helper|helpers|common|misc|shared|manager|handler|processor|service|factory|base|data|info)s?$/

describe('names', () => {
  test('no file or folder is a drawer without a subject', () => {
    expect(
      offenders(files, file =>
        relative(file)
          .split('/')
          .some(part =>
            part
              .replace(/\.(test\.)?(ts|tsx|mjs)$/, '')
              .split('-')
              .some(word => banned.test(word)),
          ),
      ),
    ).toEqual([])
  })
  test('no barrels', () => {
    expect(offenders(sources, file => path.basename(file) === 'index.ts')).toEqual([])
  })
})

describe('size', () => {
  test('no source file over 400 lines, tables excepted', () => {
    expect(
      offenders(sources, (file, text) => !tables.includes(relative(file)) && text.split('\n').length > 400),
    ).toEqual([])
  })
})

describe('language', () => {
  test('no any, no switched-off checks, no default exports in src', () => {
    expect(
      offenders(sources, (_file, text) =>
        /:\s*any\b|\bas any\b|@ts-(ignore|nocheck|expect-error)|^export default/m.test(text),
      ),
    ).toEqual([])
  })
  test('no skipped or lonely tests', () => {
    expect(
      offenders(
        files,
        (file, text) => file !== import.meta.filename && /\b(describe|test|it)\.(only|skip|todo)\b/.test(text),
      ),
    ).toEqual([])
  })
  test('no marks of unfinished work', () => {
    expect(
      offenders(files, (file, text) => file !== import.meta.filename && /\b(TODO|FIXME|XXX|HACK)\b/.test(text)),
    ).toEqual([])
  })
  test('no absolute paths of one machine', () => {
    expect(
      offenders(
        files,
        (file, text) => file !== import.meta.filename && /(^|[^a-zA-Z0-9])\/(home|root|Users)\/[a-z]/.test(text),
      ),
    ).toEqual([])
  })
})

describe('rooms', () => {
  const imports = (text: string) =>
    [...text.matchAll(/from '([^']+)'|import\('([^']+)'\)/g)].map(match => match[1] ?? match[2] ?? '')
  const valueImports = (text: string) =>
    [...text.matchAll(/^import (?!type)[^;]*?from '([^']+)'/gm)].map(match => match[1] ?? '')

  test('only src/store (and pieces given a Db to keep registers) imports the database driver', () => {
    expect(
      offenders(sources, (file, text) => !under(file, 'src/store') && valueImports(text).includes('mongodb')),
    ).toEqual([])
  })
  test('the synthetic world and linkage know nothing of each other', () => {
    expect(
      offenders(
        sources,
        (file, text) => under(file, 'synthetic') && imports(text).some(from => /linkage|models\//.test(from)),
      ),
    ).toEqual([])
    expect(
      offenders(
        sources,
        (file, text) => under(file, 'src/linkage') && imports(text).some(from => from.includes('synthetic')),
      ),
    ).toEqual([])
  })
  test('pure rooms have no clock, chance, environment or network', () => {
    const pure = ['src/fls', 'src/mapping', 'src/terminology', 'src/linkage']
    expect(
      offenders(
        sources,
        (file, text) =>
          pure.some(room => under(file, room)) &&
          /Date\.now\(|new Date\(\)|Math\.random|process\.env|\bfetch\(|node:(net|http|https|child_process)/.test(text),
      ),
    ).toEqual([])
  })
  test('nothing inside knows the doors: pure rooms import no http, store or sources but the arrival contract', () => {
    const pure = ['src/fls', 'src/linkage', 'src/terminology']
    expect(
      offenders(
        sources,
        (file, text) =>
          pure.some(room => under(file, room)) &&
          valueImports(text).some(from => /\/(http|store|sources|access)\//.test(from)),
      ),
    ).toEqual([])
  })
})

function offenders(list: readonly string[], isOffender: (file: string, text: string) => boolean): string[] {
  return list.filter(file => isOffender(file, content.get(file) ?? '')).map(relative)
}
function relative(file: string): string {
  return path.relative(root, file).split(path.sep).join('/')
}
function under(file: string, folder: string): boolean {
  return relative(file).startsWith(`${folder}/`)
}
function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const full = path.join(folder, entry.name)
    return entry.isDirectory() ? walk(full) : [full]
  })
}
