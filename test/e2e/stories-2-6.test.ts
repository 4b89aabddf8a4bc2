import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { ReplayDiff } from '../../src/replay-diff.ts'
import type { Delivery } from '../../synthetic/delivery.ts'
import { mergesAndCancels } from '../../synthetic/stories-changes.ts'
import { lookalikes } from '../../synthetic/stories-persons.ts'
import { diagnosis, type Figure, hl7, visit } from '../../synthetic/story-wire.ts'
import { deliver } from '../set-up/deliver.ts'
import {
  documentsOf,
  episodesIn,
  episodesOf,
  explanationOf,
  linesOf,
  personsIn,
  type ReviewLine,
  reviewsOf,
} from '../set-up/linked.ts'
import { type RunningService, startService } from '../set-up/running.ts'

let service: RunningService
beforeAll(async () => {
  service = await startService({ database: 'e2e_stories_2_6' })
}, 60_000)
afterAll(() => service?.stop())

const decide = (id: string, decision: 'confirm' | 'split') =>
  service.call('linkage-reviewer', 'POST', `/api/links/${id}/decision`, { decision, reason: 'asked the ward' })

/** Reviews of persons that these records stand in. */
async function reviewsAbout(...controlIds: string[]): Promise<ReviewLine[]> {
  const persons = new Set((await Promise.all(controlIds.map(id => linesOf(service, id)))).flatMap(personsIn))
  return (await reviewsOf(service)).filter(review => review.persons.every(person => persons.has(person)))
}

describe('story 2: twins, a borrowed number, a namesake', () => {
  beforeAll(async () => {
    await deliver(service, Object.values(lookalikes()).flat())
  }, 30_000)

  // biome-ignore format: a table
  test.each([
    ['twins of one surname and address', 'S2-T1', 'S2-T2', ['nhs-differ', 'twin-shape']],
    ['a borrowed NHS number', 'S2-B1', 'S2-B2', ['nhs-borrowed']],
    ['a namesake born in the same month', 'S2-N1', 'S2-N2', undefined],
  ])('%s: two persons, never one', async (_what, one, two, guards) => {
    const [a, b] = [personsIn(await linesOf(service, one)), personsIn(await linesOf(service, two))]
    expect([a.length, b.length]).toEqual([1, 1])
    expect(a).not.toEqual(b)
    const reviews = await reviewsAbout(one, two)
    expect(reviews.map(review => [review.kind, review.guards])).toEqual(guards ? [['person', guards]] : [])
  })

  test('an initial without a number that could be either twin waits beside both', async () => {
    const third = personsIn(await linesOf(service, 'S2-T3'))
    for (const twin of ['S2-T1', 'S2-T2']) {
      expect(personsIn(await linesOf(service, twin))).not.toEqual(third)
      expect(await reviewsAbout(twin, 'S2-T3')).toMatchObject([{ kind: 'person', guards: ['twin-shape'] }])
    }
  })

  test('a review shows both sides and explains itself without a value in its reasons', async () => {
    const [review] = await reviewsAbout('S2-B1', 'S2-B2')
    const view = await explanationOf(service, review?.id ?? '')
    expect(view).toMatchObject({
      kind: 'person',
      a: { kind: 'record', organisation: 'RXX' },
      b: { kind: 'record', organisation: 'RXX' },
      explanation: { decision: 'review', guards: ['nhs-borrowed'], decidedBy: 'model' },
    })
    const { explanation } = view as unknown as { explanation: { parts: { field: string; level: string }[] } }
    expect(explanation.parts.map(part => `${part.field} ${part.level}`)).toEqual(
      expect.arrayContaining(['nhsNumber equal', 'forename differ', 'birthDate differ']),
    )
    expect(JSON.stringify(explanation.parts)).not.toMatch(/Barker|Derek|Rita|1943|1945|AD2/i)
  })

  test('the list names no patient', async () => {
    const list = await service.call('linkage-reviewer', 'GET', '/api/links?state=review')
    expect(list.text).not.toMatch(/Sykes|Barker|Smith|S7000|1946-02-11|\bAD5 /i)
  })

  test('decisions settle it: the initial is the one twin, not the other; the borrower is not the lender', async () => {
    const [same] = await reviewsAbout('S2-T2', 'S2-T3')
    const [other] = await reviewsAbout('S2-T1', 'S2-T3')
    const [borrowed] = await reviewsAbout('S2-B1', 'S2-B2')
    expect((await decide(same?.id ?? '', 'confirm')).json).toMatchObject({ assertion: 'same-patient', state: 'done' })
    expect((await decide(other?.id ?? '', 'split')).json).toMatchObject({ assertion: 'not-same-patient' })
    expect((await decide(borrowed?.id ?? '', 'split')).status).toBe(200)
    await settled()
  }, 30_000)

  /** One person of two records by a human's word, one humerus; nothing left to ask of the others. */
  async function settled(): Promise<void> {
    const jean = [...(await linesOf(service, 'S2-T2')), ...(await linesOf(service, 'S2-T3'))]
    expect(personsIn(jean)).toHaveLength(1)
    expect(episodesIn(jean)).toHaveLength(1)
    expect(jean.filter(line => line.path === 'PID').map(line => line.decidedBy)).toEqual(['human', 'human'])
    expect(personsIn(await linesOf(service, 'S2-T1'))).not.toEqual(personsIn(jean))
    expect(await reviewsAbout('S2-B1', 'S2-B2')).toEqual([])
    const asked = (await reviewsAbout('S2-T1', 'S2-T2', 'S2-T3')).map(review => review.guards)
    expect(asked).not.toContainEqual(['twin-shape'])
  }

  test('a decision about what is no review of hers is refused', async () => {
    const [review] = await reviewsOf(service)
    const wrong = await service.call('analyst', 'POST', `/api/links/${review?.id}/decision`, { decision: 'confirm' })
    expect(wrong.status).toBe(403)
    const never = await service.call('linkage-reviewer', 'POST', '/api/links/never-was/decision', { decision: 'split' })
    expect(never.status).toBe(404)
  })

  test('flsdb replay keeps the decisions, and a second replay would change nothing', async () => {
    const before = await documentsOf(service)
    const replayed = JSON.parse(await service.flsdb('replay', '--json')) as ReplayDiff & { swapped: boolean }
    expect(replayed.swapped).toBe(true)
    expect(await documentsOf(service)).toEqual(before)
    await settled()
    const again = JSON.parse(await service.flsdb('replay', '--diff', '--json')) as ReplayDiff
    expect(again.differences).toEqual([])
  }, 90_000)
})

describe('story 6: merged, wrongly merged, undone', () => {
  const steps = mergesAndCancels()
  const records = ['RXX|S700061', 'RXX|S790061', 'RXX|S700062']

  test('a right A40 makes one person of two numbers of one hospital, by word of the source', async () => {
    await deliver(service, [...steps.before, ...steps.rightMerge])
    const lines = (await linesOf(service, 'S6-D')).filter(line => line.path === 'PID')
    expect(personsIn(lines)).toHaveLength(1)
    expect(lines.map(line => [line.localPatientId, line.decidedBy])).toEqual([
      ['S700061', 'source'],
      ['S790061', 'source'],
    ])
    expect(await episodesOf(service, 'RXX|S700061')).toHaveLength(1)
  })

  test('a wrong one that contradicts NHS numbers waits for a person; undone by A37, all documents are as before, byte for byte', async () => {
    const before = await documentsOf(service, ...records)
    await deliver(service, steps.wrongMerge)
    expect(personsIn(await linesOf(service, 'S6-W'))).not.toEqual(personsIn(await linesOf(service, 'S6-D')))
    expect((await reviewsAbout('S6-D', 'S6-W')).map(review => review.guards)).toEqual([
      expect.arrayContaining(['merge-doubtful']),
    ])
    expect(await documentsOf(service, ...records)).not.toEqual(before)
    await deliver(service, steps.undone)
    expect(await documentsOf(service, ...records)).toEqual(before)
  })

  test('a wrong one nothing contradicts is believed; undone, all documents are as before, byte for byte', async () => {
    const { attended, merged, undone } = untracedNeighbours()
    await deliver(service, attended)
    const both = ['RXX|S700065', 'RXX|S700066']
    const before = await documentsOf(service, ...both)
    expect(personsIn(await linesOf(service, 'S6-U'))).toHaveLength(2)
    await deliver(service, merged)
    expect(personsIn(await linesOf(service, 'S6-U'))).toHaveLength(1)
    const during = await documentsOf(service, ...both)
    await deliver(service, undone)
    expect(personsIn(await linesOf(service, 'S6-U'))).toHaveLength(2)
    expect(await documentsOf(service, ...both)).toEqual(before)
    await deliver(service, [...merged, ...undone, ...merged])
    expect(await documentsOf(service, ...both)).toEqual(before)
    expect(during).not.toEqual(before)
  })
})

describe('story 6: cancelled, corrected, withdrawn', () => {
  const steps = mergesAndCancels()

  test('an admission cancelled by A11: the episode is withdrawn under its own id, not deleted', async () => {
    await deliver(service, steps.admitted)
    const [admitted] = await episodesOf(service, 'RXX|S700063')
    expect(admitted).toMatchObject({ status: 'candidate', fractures: [{ site: 'hip.trochanteric' }] })
    await deliver(service, steps.cancelled)
    const after = await episodesOf(service, 'RXX|S700063')
    expect(after).toMatchObject([{ _id: admitted?._id, status: 'withdrawn', fractures: [], answers: {} }])
    expect(await explanationOf(service, admitted?._id ?? '')).toMatchObject({ kind: 'episode', status: 'withdrawn' })
    await deliver(service, steps.admitted)
    expect((await episodesOf(service, 'RXX|S700063')).map(one => one.status)).toEqual(['withdrawn'])
  })

  test('a result corrected gives its new value, withdrawn none; the values before stay in the inbox', async () => {
    const tScore = async () => (await episodesOf(service, 'RXX|S700064')).map(one => one.answers['3.04']?.values)
    await deliver(service, steps.scanned)
    expect(await tScore()).toEqual([['-1.2']])
    await deliver(service, steps.corrected)
    expect(await tScore()).toEqual([['-2.6']])
    await deliver(service, steps.scanned)
    expect(await tScore()).toEqual([['-2.6']])
    await deliver(service, steps.withdrawn)
    expect(await tScore()).toEqual([undefined])
    const [ankle] = await episodesOf(service, 'RXX|S700064')
    expect(ankle).toMatchObject({ status: 'candidate', fractures: [{ site: 'ankle' }] })
    const kept = await service.call('engineer-rxx', 'GET', '/api/messages?feed=rxx01-ris')
    const { items } = kept.json as { items: { controlId: string; state: string }[] }
    expect(items.map(one => `${one.controlId} ${one.state}`).sort()).toEqual(['S6-X1 done', 'S6-X2 done', 'S6-X3 done'])
  })

  test('replayed after all that, nothing would change', async () => {
    const again = JSON.parse(await service.flsdb('replay', '--diff', '--json')) as ReplayDiff
    expect(again.differences).toEqual([])
    expect(again.entries).toBeGreaterThan(20)
  }, 60_000)
})

/** Two women of one street without NHS numbers, merged by mistake: nothing known contradicts it. */
function untracedNeighbours(): Record<'attended' | 'merged' | 'undone', readonly Delivery[]> {
  const flora: Figure = {
    family: 'Clough',
    given: 'Flora',
    birth: '1944-05-05',
    sex: 'female',
    street: '4 Ings Lane',
    postcode: 'AD6 3WC',
    practice: 'P81001',
    number: 'S700065',
  }
  const nora: Figure = { ...flora, given: 'Nora', birth: '1944-05-15', street: '9 Ings Lane', number: 'S700066' }
  const attend = (who: Figure, id: string, day: string, code: string, words: string): Delivery =>
    hl7(who, {
      event: ['ADT', 'A04'],
      controlId: `S6-U${id}`,
      at: `${day}T12:00:00Z`,
      segments: [visit('E', `S6U${id}`, `${day}T11:30:00Z`), diagnosis(1, code, words)],
    })
  const other = [
    'PID',
    {
      1: '1',
      3: { repeat: [[nora.number, undefined, undefined, 'RXX', 'MR']] },
      5: [nora.family, nora.given],
      7: nora.birth.replaceAll('-', ''),
      8: 'F',
    },
  ] as const
  return {
    attended: [
      attend(flora, '1', '2025-02-03', 'S52.5', 'Fracture of lower end of radius'),
      attend(nora, '2', '2025-03-08', 'S72.0', 'Fracture of neck of femur'),
    ],
    merged: [
      hl7(flora, {
        event: ['ADT', 'A40'],
        controlId: 'S6-N1',
        at: '2025-03-09T09:00:00Z',
        segments: [['MRG', { 1: [nora.number, undefined, undefined, 'RXX', 'MR'] }]],
      }),
    ],
    undone: [hl7(flora, { event: ['ADT', 'A37'], controlId: 'S6-N2', at: '2025-03-10T09:00:00Z', segments: [other] })],
  }
}
