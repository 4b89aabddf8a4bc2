import { unwatchFile, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Config } from '../config.ts'
import type { Logger } from '../http/logger.ts'
import type { MllpTls } from '../sources/hl7v2/listener.ts'

type CertificateFiles = NonNullable<Config['mllpTls']>

const lookEveryMs = 2_000

export async function readCertificates({ cert, key, ca }: CertificateFiles): Promise<MllpTls> {
  return { cert: await readFile(cert), key: await readFile(key), ...(ca ? { ca: await readFile(ca) } : {}) }
}

/**
 * Takes new certificates without a restart: when one of the files changes, or at SIGHUP. New connections get them, open ones stay. Files that do
 * not belong together (the certificate is there, its key not yet) leave the old ones in use and are told in the log. Returns how to stop.
 */
export function watchCertificates(
  files: CertificateFiles,
  take: (tls: MllpTls) => void,
  logger: Logger,
  everyMs = lookEveryMs,
): () => void {
  const reload = async (): Promise<void> => {
    try {
      take(await readCertificates(files))
      logger.event('mllp certificates taken')
    } catch (cause) {
      logger.failure('mllp certificates left as they were', cause)
    }
  }
  const onChange = () => void reload()
  const names = [files.cert, files.key, ...(files.ca ? [files.ca] : [])]
  for (const name of names) watchFile(name, { interval: everyMs, persistent: false }, onChange)
  process.on('SIGHUP', onChange)
  return () => {
    process.off('SIGHUP', onChange)
    for (const name of names) unwatchFile(name, onChange)
  }
}
