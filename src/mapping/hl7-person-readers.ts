import type { Found } from './document.ts'
import { nothing, type ReadEnv, type Reader } from './reader.ts'

const otherNames: ReadonlySet<string> = new Set([
  'M',
  'B',
  'A',
  'P',
  'MAIDEN',
  'ALIAS',
  'PREVIOUS',
  'BIRTH',
  'N',
  'NICKNAME',
])
const temporaryAddresses: ReadonlySet<string> = new Set([
  'TM',
  'C',
  'BI',
  'B',
  'O',
  'BDL',
  'BR',
  'N',
  'F',
  'TEMP',
  'TEMPORARY',
  'BUSINESS',
  'WORK',
])

const postcodeShape = /^[A-Z]{1,2}\d[A-Z\d]?\d[A-Z]{2}$/

/** Current name: the first XPN whose type is not maiden, birth, alias or previous. Surname = sub-component 1 of component 1. */
const familyName: Reader = {
  gives: 'text',
  read: found => {
    const current = currentName(found)
    const text = current ? (current.part?.(1, 1) || current.part?.(1) || '').trim() : ''
    return current && text !== '' ? { value: text, where: current.where } : nothing
  },
}

/** Given name and further given names of the current name, in order. */
const givenNames: Reader = {
  gives: 'texts',
  read: found => {
    const current = currentName(found)
    const names = [2, 3].flatMap(at => (current?.part?.(at) ?? '').split(/\s+/)).filter(name => name !== '')
    return current && names.length > 0 ? { value: names, where: current.where } : nothing
  },
}

/** Surnames of maiden, birth, alias and previous names. */
const previousFamilyNames: Reader = {
  gives: 'texts',
  read: found => {
    const names = found.filter(isOtherName).map(name => (name.part?.(1, 1) ?? '').trim())
    const unique = [...new Set(names.filter(name => name !== ''))]
    return unique.length > 0 ? { value: unique } : nothing
  },
}

function currentName(found: readonly Found[]): Found | undefined {
  return found.find(name => !isOtherName(name)) ?? (found.length === 1 ? found[0] : undefined)
}

function isOtherName(name: Found): boolean {
  return otherNames.has((name.part?.(7) ?? '').trim().toUpperCase())
}

function homeAddress(found: readonly Found[]): Found | undefined {
  return found.find(address => !temporaryAddresses.has((address.part?.(7) ?? '').trim().toUpperCase()))
}

/** Lines of the home address: street, other designation, city, county. */
const addressLines: Reader = {
  gives: 'texts',
  read: found => {
    const home = homeAddress(found)
    const street = (home?.part?.(1, 1) || home?.part?.(1) || '').trim()
    const lines = [street, ...[2, 3, 4].map(at => (home?.part?.(at) ?? '').trim())].filter(
      line => line !== '' && !isPostcode(line),
    )
    return home && lines.length > 0 ? { value: lines, where: home.where } : nothing
  },
}

function isPostcode(line: string): boolean {
  return postcodeShape.test(line.toUpperCase().replace(/[^A-Z0-9]/g, ''))
}

/** Postcode of the home address; XAD-5, or the last line when it looks like one (older senders). */
const homePostcode: Reader = {
  gives: 'text',
  read: found => {
    const home = homeAddress(found)
    const candidates = [5, 4, 3].map(at => (home?.part?.(at) ?? '').toUpperCase().replace(/[^A-Z0-9]/g, ''))
    const plain = candidates.find(candidate => postcodeShape.test(candidate))
    return home && plain ? { value: `${plain.slice(0, -3)} ${plain.slice(-3)}`, where: home.where } : nothing
  },
}

/**
 * The local number and who numbers it. The authority of CX-4 (else MSH-4) goes through the feed's `authorities`; the sender's own facility
 * (MSH-4) is the feed's `authority`. A name that is not the organisation's own ODS code is put behind it, because every trust has a `PAS`.
 */
const localNumber: Reader = {
  gives: 'local-number',
  read: (found, env) => {
    const number = localNumberOf(found, env)
    return number ? { value: number, where: found[0]?.where ?? '' } : nothing
  },
}

export function localNumberOf(
  found: readonly Found[],
  env: ReadEnv,
): { authority: string; number: string } | undefined {
  const [identifier] = found
  const number = identifier?.part?.(1) ?? ''
  if (number === '') return undefined
  return { authority: authorityOf(identifier?.part?.(4) ?? '', env), number }
}

function authorityOf(stated: string, env: ReadEnv): string {
  const known = env.feed.authorities?.[stated]
  if (known) return known
  const isSendersOwn = stated === '' || stated === env.context.values('MSH-4.1')[0]?.text.trim().toUpperCase()
  if (isSendersOwn && env.feed.authority) return env.feed.authority
  return stated.startsWith(env.organisation) ? stated : `${env.organisation}/${stated}`
}

/** Verification status 01–08 from `NSTS01`, `PDS01`, a bare number, or beside the NHS number. */
const nhsStatus: Reader = {
  gives: 'text',
  read: found => {
    for (const value of found) {
      const text = value.part?.(2) || value.text
      const match = /^(?:NSTS|PDS)?0?([1-8])$/i.exec(text.trim())
      if (match?.[1]) return { value: `0${match[1]}`, where: value.where }
    }
    return nothing
  },
}

export const hl7PersonReaders = {
  'hl7-family-name': familyName,
  'hl7-given-names': givenNames,
  'hl7-previous-family-names': previousFamilyNames,
  'hl7-address-lines': addressLines,
  'hl7-postcode': homePostcode,
  'hl7-local-number': localNumber,
  'hl7-nhs-status': nhsStatus,
} as const satisfies Record<string, Reader>
