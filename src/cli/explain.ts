import { joinDeployment } from './connect.ts'

/** `flsdb link explain EPISODE`: why the records and facts of an episode stand together; fields, levels and bits, no values. */
export async function explainCommand(episodeId: string, { json }: { json?: boolean }): Promise<void> {
  const { store } = await joinDeployment()
  try {
    const episode = await store.episodes.findOne({ $or: [{ _id: episodeId }, { aliases: episodeId }] })
    const person = episode ? await store.persons.findOne({ _id: episode.personId }) : undefined
    if (!episode || !person) throw new Error('No such episode.')
    const links = {
      episode: episode._id,
      person: person._id,
      records: person.members.map(({ organisation, side, probability, decidedBy, explanation }) => ({
        organisation,
        side,
        probability,
        decidedBy,
        explanation,
      })),
      fractures: episode.fractures.map(({ fractureId, site, laterality, date, status, facts }) => ({
        fractureId,
        site,
        laterality,
        date,
        status,
        facts,
      })),
    }
    if (json) console.log(JSON.stringify(links))
    else tell(links)
  } finally {
    await store.close()
  }
}

type Reason = {
  readonly probability: number
  readonly explanation?:
    | {
        readonly decision: string
        readonly totalBits: number
        readonly parts: readonly { field: string; level: string; bits: number }[]
      }
    | undefined
}

function tell(links: {
  episode: string
  person: string
  records: readonly (Reason & { organisation: string; side: string })[]
  fractures: readonly {
    site: string
    date?: string | undefined
    status: string
    facts: readonly (Reason & { factId: string })[]
  }[]
}): void {
  console.log(`episode ${links.episode} of person ${links.person}`)
  for (const record of links.records) tellReason(`record at ${record.organisation} (${record.side})`, record)
  for (const fracture of links.fractures) {
    console.log(`fracture ${fracture.site}, ${fracture.date ?? 'no date'}, ${fracture.status}`)
    for (const fact of fracture.facts) tellReason(`fact ${fact.factId.slice(0, 12)}`, fact)
  }
}

function tellReason(what: string, { probability, explanation }: Reason): void {
  console.log(
    `  ${what}: P = ${probability.toFixed(4)}${explanation ? `, ${explanation.decision}, ${explanation.totalBits.toFixed(1)} bits` : ''}`,
  )
  for (const { field, level, bits } of explanation?.parts ?? [])
    console.log(`      ${field.padEnd(12)} ${level.padEnd(28)} ${bits >= 0 ? '+' : ''}${bits.toFixed(1)}`)
}
