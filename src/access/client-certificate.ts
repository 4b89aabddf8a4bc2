/** A client certificate the listener has verified, in the spelling of Node's TLS. */
export type ClientCertificate = { readonly subject: string; readonly fingerprint256: string }

const fingerprint = /^[0-9A-F]{64}$/

/**
 * Whether a feed's register names this certificate: by SHA-256 fingerprint (64 hexadecimal digits, colons and case as anybody writes them) or by
 * its whole subject (`CN=pas.rxx.nhs.uk,O=RXX`, attributes in any order). A part of a subject names nothing.
 */
export function isCertificateNamed(certificate: ClientCertificate, names: readonly string[]): boolean {
  const own = new Set([canonical(certificate.fingerprint256), canonical(certificate.subject)])
  return names.some(name => own.has(canonical(name)))
}

/** Whether a register entry can name a certificate at all. */
export function canNameCertificate(name: string): boolean {
  return fingerprint.test(canonical(name)) || /^\s*[A-Za-z0-9.]+\s*=\s*\S/.test(name)
}

function canonical(name: string): string {
  const digits = name.replaceAll(':', '').trim().toUpperCase()
  if (fingerprint.test(digits)) return digits
  return attributesOf(name).sort().join(',')
}

/** A comma belongs to a value unless the next attribute begins behind it. */
function attributesOf(subject: string): string[] {
  return subject.split(/[,\n](?=\s*[A-Za-z0-9.]+\s*=)/).map(attribute => {
    const [type = '', ...value] = attribute.split('=')
    return `${type.trim().toUpperCase()}=${value.join('=').trim()}`
  })
}
