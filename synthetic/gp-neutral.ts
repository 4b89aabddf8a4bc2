import { csvText } from './csv.ts'
import type { GpConcept } from './gp-concepts.ts'
import type { Extract } from './gp-extract.ts'
import type { CodedRow, GpRow, PatientRow } from './gp-rows.ts'
import { instantAt, isoDay, localMinute } from './moments.ts'

type Cells = Readonly<Record<string, string | undefined>>

const header =
  'entry rowId action patientId nhsNumber nhsNumberStatus familyName givenNames previousFamilyName birthDate sex addressLines postcode addressFrom careHome system code term originalSystem originalCode date recordedAt endDate endReason status episodicity laterality value unit groupId fromDocument quantity quantityUnit daysSupplied dosage courseId courseType urgency practice extractId mode from to'.split(
    ' ',
  )

/** One UTF-8 file with a manifest row first (gp-extracts.md 2.3). A date carries its precision by its length. */
export function neutralFiles(extract: Extract): { name: string; bytes: Buffer }[] {
  const { practice, id, mode, at, from } = extract
  const first: Cells = {
    entry: 'manifest',
    practice: practice.ods,
    extractId: id,
    mode,
    to: instantAt(at),
    from: mode === 'delta' && Number.isFinite(from) ? instantAt(from) : undefined,
  }
  const rows = [first, ...extract.rows.flatMap(row => cells(extract, row))]
  return [{ name: `${practice.ods.toLowerCase()}-${mode}.csv`, bytes: Buffer.from(csvText(header, rows, 'needed')) }]
}

function cells(extract: Extract, row: GpRow): Cells[] {
  const common = {
    rowId: extract.rowId(row),
    patientId: extract.patientId(row.person),
    recordedAt: localMinute(row.recorded),
  }
  switch (row.kind) {
    case 'patient':
      return patient(extract, row)
    case 'coded':
      return [{ ...common, entry: 'coded', ...code(row.concept, row.ordinal), ...details(row) }]
    case 'issue':
      return [
        {
          ...common,
          entry: 'issue',
          system: 'dmd',
          code: row.drug.dmd[0],
          term: row.drug.dmd[1],
          date: isoDay(row.on),
          status: 'issued',
          quantity: row.drug.quantity,
          quantityUnit: row.drug.unit,
          daysSupplied: String(row.drug.days),
          dosage: row.drug.dosage,
          courseId: row.course,
          courseType: 'repeat',
        },
      ]
    case 'referral':
      return [
        {
          ...common,
          entry: 'referral',
          ...code(row.concept, row.ordinal),
          date: isoDay(row.on),
          status: 'sent',
          urgency: 'routine',
        },
      ]
    case 'delete':
      return [{ entry: 'coded', rowId: common.rowId, action: 'delete', patientId: common.patientId }]
  }
}

/** The patient, the registration and, when known, the death: three rows. */
function patient(extract: Extract, row: PatientRow): Cells[] {
  const said = extract.say(row.person)
  const id = extract.rowId(row)
  const own = { patientId: extract.patientId(row.person) }
  const former = row.person.renamed && said.family === row.person.renamed.family ? row.person.family : undefined
  const rows: Cells[] = [
    {
      ...own,
      entry: 'patient',
      rowId: id,
      nhsNumber: said.nhsNumber,
      nhsNumberStatus: said.nhsNumber ? (said.isVerified ? '01' : '02') : undefined,
      familyName: said.family,
      givenNames: said.given.join(' '),
      previousFamilyName: former,
      birthDate: said.birthDate,
      sex: said.sex,
      addressLines: [...said.address.lines, said.address.town].join(';'),
      postcode: said.address.postcode,
      careHome: said.address.isCareHome ? 'yes' : 'no',
    },
    {
      ...own,
      entry: 'registration',
      rowId: `${id}-g`,
      date: isoDay(row.registeredOn),
      recordedAt: localMinute(row.recorded),
      status: 'gms',
      ...(row.leftOn === undefined
        ? {}
        : { endDate: isoDay(row.leftOn), endReason: row.deathOn === undefined ? 'moved' : 'died' }),
    },
  ]
  if (row.deathOn !== undefined)
    rows.push({
      ...own,
      entry: 'death',
      rowId: `${id}-d`,
      date: isoDay(row.deathOn),
      recordedAt: localMinute(row.recorded),
    })
  return rows
}

/** Practices pick from different code systems; what was picked stands beside when it was mapped since. */
function code(concept: GpConcept, choice: number): Cells {
  const { snomed, read2, ctv3 } = concept
  const all = [
    snomed && (['snomed', snomed] as const),
    read2 && (['read2', read2] as const),
    ctv3 && (['ctv3', ctv3] as const),
  ].filter(one => one !== undefined)
  const [system, [value, term]] = all[choice % 3 === 1 ? all.length - 1 : 0] ?? ['local', ['', '']]
  const original =
    system === 'snomed' && read2 && choice % 2 === 0 ? { originalSystem: 'read2', originalCode: read2[0] } : {}
  return { system, code: value, term, ...original }
}

function details(row: CodedRow): Cells {
  const day = isoDay(row.on)
  return {
    date: row.precision === 'day' ? day : row.precision === 'month' ? day.slice(0, 7) : day.slice(0, 4),
    status: row.isHistory ? 'past' : 'active',
    episodicity: row.episodicity,
    laterality: row.side,
    value: row.value,
    unit: row.unit,
    groupId: row.group,
    fromDocument: row.fromDocument ? 'yes' : undefined,
  }
}
