import type { Delivery } from '../synthetic/delivery.ts'
import { makeWorld } from '../synthetic/world.ts'

export type HospitalMessage = Extract<Delivery, { door: 'mllp' }>

const seed = 'fls-db bench'

/** The deliveries of a synthetic year, the same in every run. */
export function deliveries(episodes: number): Iterable<Delivery> {
  return makeWorld({ seed, size: { episodes } }).deliveries()
}

/** The first `count` HL7 v2 messages of a synthetic year, in order of sending. */
export function hospitalMessages(count: number): HospitalMessage[] {
  const found: HospitalMessage[] = []
  // About nine messages an episode; a year that turns out short is made longer.
  for (let episodes = Math.ceil(count / 8); found.length < count; episodes *= 2) {
    found.length = 0
    for (const delivery of deliveries(episodes)) {
      if (delivery.door === 'mllp') found.push(delivery)
      if (found.length === count) break
    }
  }
  return found
}

const wanted = 2_000
const note = 'NTE|1|P|Synthetic filler so that the message has the size hospitals send: no patient, no meaning. '

/** The mix the acknowledgement figures are quoted for: the same messages, filled up to 2 kB with notes. */
export function twoKilobytes(message: Buffer): Buffer {
  const missing = wanted - message.length
  if (missing <= 0) return message
  const filler = note.repeat(Math.ceil(missing / note.length)).slice(0, missing - 1)
  return Buffer.concat([message, Buffer.from(`${filler.replace(/.NTE\|1\|P\|/g, ' ')}\r`)])
}
