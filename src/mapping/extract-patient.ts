import { londonDate } from '../fls/dates.ts'
import type { Encounter, Fact, FactOf, Identity } from '../fls/fact.ts'
import { readNhsNumber } from '../fls/nhs-number.ts'
import type { RowReading, Statement } from './extract-statement.ts'

/** Marks a patient whose rows are all left out: read by extract-record.ts together with the coded objections of set `optout`. */
export const leftOutConcepts = {
  'type-1-objection': 'optout.type1',
  'test-patient': 'optout.test-patient',
  'confidential-row': 'optout.confidential-patient',
} as const

/** The patient's row: identity, or only a mark when every row of this patient is to be left out. */
export function identityOf(reading: RowReading): Statement {
  const common = reading.frameOf('patientId')
  if (reading.isDelete) return { facts: [{ ...common, kind: 'identity', detail: {} }], issues: [] }
  const reason = reading.is('type1Objection')
    ? 'type-1-objection'
    : reading.is('testPatient')
      ? 'test-patient'
      : reading.is('confidential')
        ? 'confidential-row'
        : undefined
  if (reason) {
    const cell = {
      'type-1-objection': 'type1Objection',
      'test-patient': 'testPatient',
      'confidential-row': 'confidential',
    }[reason]
    reading.add(reason, cell)
    const mark: FactOf['observation'] = {
      ...reading.frameOf(cell),
      kind: 'observation',
      concept: { set: 'optout', id: leftOutConcepts[reason], kind: 'include' },
      when: { date: londonDate(reading.frame.asOf), kind: 'recorded' },
    }
    return { facts: [mark], issues: [], isRefused: true }
  }
  const number = numberOf(reading)
  if (number === 'refused')
    return { facts: [{ ...common, status: 'retracted', kind: 'identity', detail: {} }], issues: [], isRefused: true }
  const patient = reading.text('patientId') ?? ''
  const detail: Identity = {
    ...number,
    ...namesOf(reading),
    ...(reading.is('sensitive') ? {} : addressOf(reading)),
    localNumber: { authority: reading.frame.practice, number: patient },
    gpPractice: reading.frame.practice,
  }
  return { facts: [{ ...common, kind: 'identity', detail }], issues: [] }
}

function numberOf(
  reading: RowReading,
): Pick<Identity, 'nhsNumber' | 'nhsNumberStatus' | 'invalidNhsNumber'> | 'refused' {
  const text = reading.text('nhsNumber')
  if (!text) return {}
  const status = reading.text('nhsNumberStatus')
  const found = readNhsNumber(text)
  if (found.kind === 'valid' || (found.kind === 'test-range' && reading.frame.tables.mapping.acceptTestNumbers))
    return { nhsNumber: found.value, ...(status ? { nhsNumberStatus: status } : {}) }
  if (found.kind === 'test-range') {
    reading.add('nhs-number-test-range', 'nhsNumber')
    return 'refused'
  }
  reading.add(found.kind === 'placeholder' ? 'nhs-number-placeholder' : 'nhs-number-invalid', 'nhsNumber')
  return found.kind === 'invalid' && found.digits ? { invalidNhsNumber: found.digits } : {}
}

const longestName = 100

function namesOf(reading: RowReading): Identity {
  const name = (cell: string): string | undefined => {
    const text = reading.text(cell)
    if (text && text.length > longestName) reading.add('cell-too-long', cell)
    return text?.slice(0, longestName)
  }
  const family = name('familyName')
  const given = name('givenNames')
  const previous = name('previousFamilyName')
  const birthDate = reading.date('birthDate')
  const sex = reading.text('sex')
  return {
    ...(family ? { familyName: family } : {}),
    ...(given ? { givenNames: given.split(/\s+/) } : {}),
    ...(previous ? { previousFamilyNames: [previous] } : {}),
    ...(birthDate ? { birthDate } : {}),
    ...(sex === 'male' || sex === 'female' || sex === 'other' || sex === 'unknown' ? { sex } : {}),
  }
}

function addressOf(reading: RowReading): Identity {
  const lines =
    reading
      .text('addressLines')
      ?.split(';')
      .map(line => line.trim())
      .filter(Boolean) ?? []
  const postcode = reading
    .text('postcode')
    ?.toUpperCase()
    .replace(/[^A-Z0-9]/g, '')
  const from = reading.date('addressFrom')
  return {
    ...(lines.length > 0 ? { addressLines: lines } : {}),
    ...(postcode
      ? { postcode: postcode.length > 4 ? `${postcode.slice(0, -3)} ${postcode.slice(-3)}` : postcode }
      : {}),
    ...(from ? { addressFrom: from } : {}),
    ...(reading.text('careHome') ? { careHomeResident: reading.is('careHome') } : {}),
  }
}

/** One address with its period (TPP). Correspondence addresses are not where somebody lives: no fact. */
export function addressRow(reading: RowReading): Statement {
  const common = reading.frameOf('postcode')
  if (reading.isDelete) return { facts: [{ ...common, kind: 'identity', detail: {} }], issues: [] }
  const type = reading.text('addressType')?.toLowerCase() ?? ''
  if (reading.frame.tables.words.get('correspondence')?.has(type)) return { facts: [], issues: [] }
  const localNumber = { authority: reading.frame.practice, number: reading.text('patientId') ?? '' }
  return { facts: [{ ...common, kind: 'identity', detail: { ...addressOf(reading), localNumber } }], issues: [] }
}

/** One registration period. Its set carries the start: a later registration in the same row does not erase the earlier (3.1). */
export function registrationOf(reading: RowReading): Statement {
  const start = reading.date('date')
  if (reading.isDelete) return { facts: [{ ...reading.frameOf('date'), kind: 'encounter', detail: {} }], issues: [] }
  if (!start) return { facts: [], issues: [] }
  const at = reading.text('registeredAt')
  if (at && at !== reading.frame.practice) {
    reading.add('recorded-elsewhere', 'registeredAt')
    return { facts: [], issues: [] }
  }
  const end = reading.date('endDate')
  const detail: Encounter = {
    class: 'gp.registration',
    state: end ? 'finished' : 'in-progress',
    start,
    end: end ?? null,
    ...(reading.text('endReason') ? { endReason: reading.text('endReason') ?? '' } : {}),
  }
  const common = reading.frameOf('date', { set: start })
  const fact: Fact = { ...common, kind: 'encounter', when: { date: start, kind: 'event' }, detail }
  return { facts: [fact], issues: [] }
}

/** Death as the practice learned it: the day of death, and when it was typed. */
export function deathOf(reading: RowReading): Statement {
  const common = reading.frameOf('date')
  if (reading.isDelete) return { facts: [{ ...common, kind: 'death' }], issues: [] }
  const dated = reading.dated('event')
  return { facts: dated.when ? [{ ...common, kind: 'death', ...dated }] : [], issues: [] }
}
