import { createHash } from 'node:crypto'
import type { Delivery } from '../../synthetic/delivery.ts'
import { steadyFigure } from '../../synthetic/stories-changes.ts'
import { flsContact } from '../../synthetic/story-bundles.ts'
import type { Figure } from '../../synthetic/story-wire.ts'
import { diagnosis, hl7, visit } from '../../synthetic/story-wire.ts'

export type Door = 'mllp' | 'fhir'

/** Control ids of writes that only ask how the service answers; they are no part of a stream. */
export const probePrefix = 'probe-'

/** One thing a sender of a campaign sends, and what has to come of it. */
export type Line = {
  readonly door: Door
  readonly controlId: string
  readonly bytes: Buffer
  /** SHA-256 of the bytes: what the ledger knows the line by. */
  readonly key: string
  /** The record that has exactly one person and one episode once this is read; a body of nonsense has none. */
  readonly record?: string
  /** Sent in several pieces, with a pause between. */
  readonly isInPieces: boolean
  /** Sent once more after it was acknowledged, as senders do that lost the acknowledgement. */
  readonly isSentAgain: boolean
}

/**
 * What stands at a place of one door's stream. Of a hundred: twenty are about a patient already told of, ten are sent again though acknowledged,
 * two carry the control id of another message, ten come in pieces; over MLLP five are nonsense below a readable MSH (trust.md 8.1).
 */
export function lineAt(door: Door, place: number): Line {
  const isAboutKnown = place % 5 === 1
  const owner = isAboutKnown ? place - 1 : place
  // Even figures come over MLLP, odd ones over FHIR: no patient depends on two doors.
  const who = steadyFigure(2 * owner + (door === 'fhir' ? 1 : 0))
  const isReused = place % 50 === 7
  const controlId = `D-${door}-${isReused ? place - 5 : place}`
  const isNonsense = door === 'mllp' && place % 20 === 3
  const bytes =
    door === 'fhir'
      ? bundle(who, controlId, place, owner)
      : isNonsense
        ? nonsense(who, controlId, place)
        : message(who, controlId, place, owner)
  return {
    door,
    controlId,
    bytes,
    key: keyOf(bytes),
    ...(isNonsense ? {} : { record: `RXX|${who.number}` }),
    isInPieces: place % 10 === 4,
    isSentAgain: place % 10 === 9,
  }
}

export function keyOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64')
}

function message(who: Figure, controlId: string, place: number, owner: number): Buffer {
  const day = dayOf(owner)
  return bytesOf(
    hl7(who, {
      event: ['ADT', place === owner ? 'A04' : 'A08'],
      controlId,
      at: `${day}T${place === owner ? '08' : '09'}:00:00Z`,
      segments: [
        visit('E', `DE${owner}`, `${day}T07:30:00Z`),
        diagnosis(1, 'S52.5', 'Fracture of lower end of radius'),
        ['ZPL', { 1: String(place) }],
      ],
    }),
  )
}

function nonsense(who: Figure, controlId: string, place: number): Buffer {
  const whole = message(who, controlId, place, place).toString('latin1')
  const header = whole.slice(0, whole.indexOf('\r') + 1)
  return Buffer.from(`${header}PID|${'~^&|'.repeat(place % 40)}\rQQQ|${place}|\u00ff\u0001\r\rDG1`, 'latin1')
}

function bundle(who: Figure, controlId: string, place: number, owner: number): Buffer {
  const day = dayOf(owner)
  const contact = flsContact(who, {
    id: `D${owner}`,
    at: `${day}T10:00:00Z`,
    fracture: { code: '263102004', display: 'Fracture of distal end of radius', onset: day },
    contactOn: day,
  })
  const body: { identifier: { value: string } } = JSON.parse(bytesOf(contact).toString('utf8'))
  body.identifier.value = `${controlId}/${place}`
  return Buffer.from(JSON.stringify(body))
}

function bytesOf(delivery: Delivery): Buffer {
  if (!('bytes' in delivery)) throw new TypeError('a delivery over MLLP or FHIR has bytes')
  return delivery.bytes
}

function dayOf(place: number): string {
  const twoDigits = (number: number): string => String(number).padStart(2, '0')
  return `2025-${twoDigits(1 + (place % 12))}-${twoDigits(1 + (place % 28))}`
}
