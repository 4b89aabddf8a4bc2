import { expect, test } from '@jest/globals'
import { canNameCertificate, isCertificateNamed } from '../../src/access/client-certificate.ts'

const digits = 'ab'.repeat(32)
const certificate = {
  subject: 'C=GB,O=Royal Infirmary, Leeds,OU=PAS,CN=pas.rxx.nhs.uk',
  fingerprint256: (digits.match(/../g) ?? []).join(':').toUpperCase(),
}

test.each([
  [digits, true, 'fingerprint, plain'],
  [certificate.fingerprint256, true, 'fingerprint with colons'],
  [` ${certificate.fingerprint256.toLowerCase()} `, true, 'in small letters, with blanks'],
  ['cd'.repeat(32), false, 'another fingerprint'],
  [digits.slice(2), false, 'a fingerprint too short'],
  [certificate.subject, true, 'subject as Node spells it'],
  ['CN=pas.rxx.nhs.uk, OU=PAS, O=Royal Infirmary, Leeds, C=GB', true, 'subject in the order of RFC 4514'],
  ['cn=pas.rxx.nhs.uk,ou=PAS,o=Royal Infirmary, Leeds,c=GB', true, 'attribute types in small letters'],
  ['CN=pas.rxx.nhs.uk', false, 'a part of the subject'],
  ['CN=PAS.RXX.NHS.UK,OU=PAS,O=Royal Infirmary, Leeds,C=GB', false, 'values keep their case'],
  [`${certificate.subject},OU=extra`, false, 'more than the subject'],
])('%j names the certificate: %s (%s)', (name, isNamed) => {
  expect(isCertificateNamed(certificate, [name])).toBe(isNamed)
})

test.each([
  [digits, true],
  ['CN=x', true],
  ['', false],
  ['pas.rxx.nhs.uk', false],
  ['CN=', false],
])('%j can stand in the register: %s', (name, can) => {
  expect(canNameCertificate(name)).toBe(can)
})
