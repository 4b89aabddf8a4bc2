import { isObject, type JsonObject, listAt, objectAt, textAt } from '../sources/fhir/json.ts'
import type { Found } from './document.ts'
import { localNumberIn } from './fhir-patient.ts'
import { readIsoDate } from './plain-readers.ts'
import { nothing, type Reader } from './reader.ts'

type Part = { readonly part: JsonObject; readonly where: string }

const formerNames: ReadonlySet<string> = new Set(['old', 'maiden'])
const nameOrder = ['official', 'usual', '', 'anonymous', 'temp', 'nickname']

/** The name in use: official, usual, unmarked; old and maiden names only when there is nothing else. */
function currentName(found: readonly Found[]): Part | undefined {
  const names = partsOf(found)
  const rank = ({ part }: Part): number => {
    const at = nameOrder.indexOf(textAt(part, 'use') ?? '')
    return formerNames.has(textAt(part, 'use') ?? '') ? 99 : at < 0 ? 50 : at
  }
  return names.reduce<Part | undefined>(
    (best, name) => (best === undefined || rank(name) < rank(best) ? name : best),
    undefined,
  )
}

function partsOf(found: readonly Found[]): Part[] {
  return found.flatMap(({ json, where }) => (isObject(json) ? [{ part: json, where }] : []))
}

function texts(part: JsonObject | undefined, name: string): string[] {
  return listAt(part, name).flatMap(one => (typeof one === 'string' && one.trim() !== '' ? [one.trim()] : []))
}

/** `name.text` alone: `SMITH, Ada May` or `Ada May Smith`. Titles are left to linkage. */
function textParts(part: JsonObject): { family: string; given: string[] } | undefined {
  const text = textAt(part, 'text')?.trim()
  if (!text) return undefined
  const [before = '', after] = text.split(',', 2)
  if (after !== undefined) return { family: before.trim(), given: after.trim().split(/\s+/) }
  const words = text.split(/\s+/)
  return { family: words.at(-1) ?? '', given: words.slice(0, -1) }
}

const familyName: Reader = {
  gives: 'text',
  read: found => {
    const name = currentName(found)
    const family = name && (textAt(name.part, 'family')?.trim() || textParts(name.part)?.family)
    return name && family ? { value: family, where: name.where } : nothing
  },
}

/** Given names in order, each word its own. */
const givenNames: Reader = {
  gives: 'texts',
  read: found => {
    const name = currentName(found)
    const stated = texts(name?.part, 'given').flatMap(given => given.split(/\s+/))
    const isTextOnly = name !== undefined && stated.length === 0 && textAt(name.part, 'family') === undefined
    const given = isTextOnly ? (textParts(name.part)?.given ?? []) : stated
    return name && given.length > 0 ? { value: given.filter(word => word !== ''), where: name.where } : nothing
  },
}

/** Family names of old and maiden names, and those the name in use replaced. */
const previousFamilyNames: Reader = {
  gives: 'texts',
  read: found => {
    const current = currentName(found)
    const family = current && textAt(current.part, 'family')
    const others = partsOf(found)
      .filter(({ part }) => part !== current?.part)
      .flatMap(({ part }) => textAt(part, 'family')?.trim() ?? [])
    const distinct = [...new Set(others)].filter(name => name !== '' && name !== family)
    return distinct.length > 0 ? { value: distinct } : nothing
  },
}

const otherAddresses: ReadonlySet<string> = new Set(['temp', 'old', 'work', 'billing'])

/** The home address: `home` first, then unmarked; never temporary, old, work or billing ones. */
function homeAddress(found: readonly Found[]): Part | undefined {
  const usable = partsOf(found).filter(({ part }) => !otherAddresses.has(textAt(part, 'use') ?? ''))
  return usable.find(({ part }) => textAt(part, 'use') === 'home') ?? usable[0]
}

const addressLines: Reader = {
  gives: 'texts',
  read: found => {
    const home = homeAddress(found)
    const named = ['city', 'district', 'state'].flatMap(name => texts(home?.part, name))
    const stated = [...texts(home?.part, 'line'), ...named]
    const lines = stated.length > 0 ? stated : texts(home?.part, 'text').flatMap(text => text.split(/\s*[,\n]\s*/))
    return home && lines.length > 0 ? { value: lines, where: home.where } : nothing
  },
}

const postcodeShape = /\b([A-Z]{1,2}\d[A-Z\d]?) ?(\d[A-Z]{2})\b/

/** UK postcode of the home address, from `postalCode` or the end of its text. */
const homePostcode: Reader = {
  gives: 'text',
  read: found => {
    const home = homeAddress(found)
    const text = (textAt(home?.part, 'postalCode') ?? textAt(home?.part, 'text') ?? '').toUpperCase()
    const match = postcodeShape.exec(text) ?? postcodeShape.exec(text.replace(/[^A-Z0-9]/g, ''))
    return home && match ? { value: `${match[1]} ${match[2]}`, where: home.where } : nothing
  },
}

const addressFrom: Reader = {
  gives: 'date',
  read: found => {
    const home = homeAddress(found)
    const start = textAt(objectAt(home?.part, 'period'), 'start')
    const date = start === undefined ? undefined : readIsoDate(start)
    return home && date ? { value: date, where: home.where } : nothing
  },
}

/** The hospital number with its authority; the rule stands in fhir-patient.ts. */
const localNumber: Reader = {
  gives: 'local-number',
  read: (found, env) => {
    const [patient] = partsOf(found)
    const chosen = patient && localNumberIn(patient.part, env)
    return chosen ? { value: chosen.local, where: `${patient.where}[${chosen.index}]` } : nothing
  },
}

export const fhirPersonReaders = {
  'fhir-family-name': familyName,
  'fhir-given-names': givenNames,
  'fhir-previous-family-names': previousFamilyNames,
  'fhir-address-lines': addressLines,
  'fhir-postcode': homePostcode,
  'fhir-address-from': addressFrom,
  'fhir-local-number': localNumber,
} as const satisfies Record<string, Reader>
