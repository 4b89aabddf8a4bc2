import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Delivery } from '../../synthetic/delivery.ts'
import { closedPractice, wristJourney } from '../../synthetic/stories.ts'
import { mergesAndCancels, steadyStream, unknownLocalCode } from '../../synthetic/stories-changes.ts'
import { lookalikes, refractures } from '../../synthetic/stories-persons.ts'

const root = path.join(import.meta.dirname, '../..')
const folder = 'samples/stories'
const stories: Readonly<Record<string, Readonly<Record<string, readonly Delivery[]>>>> = {
  '01': wristJourney(),
  '02': lookalikes(),
  '03': refractures(),
  '05': closedPractice(),
  '06': mergesAndCancels(),
  '07': unknownLocalCode(),
  '09': { stream: [...steadyStream(200)] },
}

/** The deliveries of `synthetic/stories*.ts` as files a reader can open and send: one per message, numbered in the order of the story. */
export function generatedStorySamples(): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>()
  for (const [story, steps] of Object.entries(stories)) {
    const [only] = Object.values(steps)
    if (story === '09' && only) files.set(`${folder}/09/stream.hl7`, joined(only))
    else
      Object.entries(steps).forEach(([step, deliveries], place) => {
        const prefix = `${folder}/${story}/${place + 1}-${kebab(step)}`
        for (const delivery of deliveries)
          for (const [name, bytes] of filesOf(delivery)) files.set(`${prefix}-${name}`, bytes)
      })
  }
  return files
}

/** Many messages in one file: each message ends where the next MSH begins. */
function joined(deliveries: readonly Delivery[]): Buffer {
  return Buffer.concat(deliveries.flatMap(delivery => (delivery.door === 'mllp' ? [ended(delivery.bytes)] : [])))
}

function filesOf(delivery: Delivery): [string, Buffer][] {
  switch (delivery.door) {
    case 'mllp':
      return [[`${delivery.controlId.replace(/^S\d+-/, '').toLowerCase()}.hl7`, ended(delivery.bytes)]]
    case 'fhir':
      return [[`${delivery.type.toLowerCase()}.json`, pretty(delivery.bytes)]]
    case 'extract':
      return delivery.files.map(({ name, bytes }) => [name, bytes])
  }
}

function ended(bytes: Buffer): Buffer {
  return bytes.at(-1) === 0x0d ? bytes : Buffer.concat([bytes, Buffer.from('\r')])
}

function pretty(bytes: Buffer): Buffer {
  return Buffer.from(`${JSON.stringify(JSON.parse(bytes.toString('utf8')), null, 2)}\n`)
}

function kebab(words: string): string {
  return words.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
}

if (process.argv[1] === import.meta.filename) {
  for (const story of Object.keys(stories)) rmSync(path.join(root, folder, story), { recursive: true, force: true })
  for (const [file, content] of generatedStorySamples()) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
    writeFileSync(path.join(root, file), content)
  }
}
