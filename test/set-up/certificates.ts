import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/** Certificate authorities and certificates for real TLS sockets, made by openssl in a folder of their own. */
export type Certificates = {
  readonly file: (name: string, kind: 'pem' | 'key') => string
  readonly pem: (name: string) => Buffer
  readonly identity: (name: string) => { readonly key: Buffer; readonly cert: Buffer }
  readonly remove: () => void
}

/** `signed`: name of a certificate and of the authority that signs it; its subject is `O=RXX, CN=<name>`. */
export function makeCertificates(
  authorities: readonly string[],
  signed: readonly (readonly [string, string])[],
): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'mllp-tls-'))
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'ignore' })
  for (const name of authorities) {
    const out = ['-keyout', `${name}.key`, '-out', `${name}.pem`]
    openssl('req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${name}`, ...out)
  }
  for (const [name, by] of signed) {
    openssl('req', ...newKey, '-subj', `/O=RXX/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`)
    const authority = ['-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial']
    openssl('x509', '-req', '-in', `${name}.csr`, ...authority, '-days', '2', '-out', `${name}.pem`)
  }
  const file = (name: string, kind: 'pem' | 'key') => join(folder, `${name}.${kind}`)
  const pem = (name: string) => readFileSync(file(name, 'pem'))
  return {
    file,
    pem,
    identity: name => ({ key: readFileSync(file(name, 'key')), cert: pem(name) }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
