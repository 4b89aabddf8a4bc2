import { createHash, hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Db } from 'mongodb'
import type { Store } from './store.ts'

/** What derived documents were made with beside the inbox. `software`: the code of the pure stages, as one. */
export const basisParts = ['mapping', 'terminology', 'model', 'software'] as const
export type BasisPart = (typeof basisParts)[number]
/** One table, model or the software, by its path in the release, with its SHA-256 (hex). */
export type BasisFile = { readonly part: BasisPart; readonly file: string; readonly sha256: string }
export type Basis = readonly BasisFile[]

const root = path.join(import.meta.dirname, '..', '..')
const pureFolders = ['fls', 'mapping', 'terminology', 'linkage'].map(name => path.join('src', name))

/** The tables, models and code as they stand on disk now. */
export function readBasis(mappingsFolder = path.join(root, 'mappings')): Basis {
  return [
    ...filesOf('mapping', mappingsFolder, 'mappings', /\.(csv|json)$/),
    ...filesOf('terminology', path.join(root, 'terminology'), 'terminology', /\.(csv|json)$/),
    ...filesOf('model', path.join(root, 'models'), 'models', /\.(csv|json)$/),
    softwareOf(),
  ]
}

function filesOf(part: BasisPart, folder: string, name: string, wanted: RegExp): Basis {
  return tree(folder)
    .filter(file => wanted.test(file) && !file.split('/').includes('samples'))
    .map(file => ({
      part,
      file: `${name}/${file}`,
      sha256: hash('sha256', readFileSync(path.join(folder, file)), 'hex'),
    }))
}

function softwareOf(): BasisFile {
  const digest = createHash('sha256')
  for (const folder of pureFolders)
    for (const file of tree(path.join(root, folder)))
      digest.update(`${folder}/${file}\n`).update(readFileSync(path.join(root, folder, file)))
  for (const file of ['pipeline.ts', 'solve.ts', 'registers.ts'])
    digest.update(readFileSync(path.join(root, 'src', file)))
  return { part: 'software', file: 'src', sha256: digest.digest('hex') }
}

function tree(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile())
    .map(entry => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .sort()
}

/** Files that differ, are new or are gone. */
export function changedFiles(before: Basis, after: Basis): readonly Pick<BasisFile, 'part' | 'file'>[] {
  const known = new Map(before.map(one => [one.file, one]))
  const now = new Map(after.map(one => [one.file, one]))
  return [...new Map([...before, ...after].map(one => [one.file, one])).values()]
    .filter(({ file }) => known.get(file)?.sha256 !== now.get(file)?.sha256)
    .map(({ part, file }) => ({ part, file }))
}

type BasisDocument = { _id: 'basis'; files: Basis }
const controls = (db: Db) => db.collection<BasisDocument>('control')

/** What the live documents were made with; undefined when nobody noted it. */
export async function liveBasis(db: Db): Promise<Basis | undefined> {
  return (await controls(db).findOne({ _id: 'basis' }))?.files
}

/** The first start of a deployment: nothing was made with anything else. One that holds entries already is left, nobody knows with what. */
export async function noteFirstBasis({ db, inbox }: Pick<Store, 'db' | 'inbox'>, files: Basis): Promise<void> {
  if ((await inbox.countDocuments({}, { limit: 1 })) > 0) return
  await controls(db).updateOne({ _id: 'basis' }, { $setOnInsert: { files } }, { upsert: true })
}

/** A replay was taken: everything live is made with these. */
export async function noteBasis(db: Db, files: Basis): Promise<void> {
  await controls(db).replaceOne({ _id: 'basis' }, { files }, { upsert: true })
}
