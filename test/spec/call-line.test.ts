import { describe, expect, test } from '@jest/globals'
import { openCallLine } from '../../src/http/call-line.ts'
import type { AccessLine } from '../../src/store/access-log.ts'

/** What the access log says of one call, whichever way it ends. */
type Step = {
  readonly note?: { inboxIds?: string[]; rows?: number }
  readonly expected?: number
  readonly status?: number
}

async function linesOf(steps: readonly Step[], append?: () => Promise<void>): Promise<[number, string][]> {
  const lines: AccessLine[] = []
  let status = 200
  let second = 0
  const log = {
    append: async (line: AccessLine) => {
      lines.push(line)
      await append?.()
    },
  }
  const call = openCallLine(log, (about, expected) => ({
    at: new Date(Date.UTC(2026, 2, 1, 10, 0, second++)),
    subject: 's',
    role: 'hospital',
    organisations: ['RXX'],
    action: 'POST /fhir/:type',
    status: expected ?? status,
    requestId: 'r',
    ...about,
  }))
  for (const step of steps) {
    if (step.status) status = step.status
    if (step.note) call.note(step.note, step.expected)
  }
  await call.settle()
  return lines.map(line => [line.status, (line.inboxIds ?? []).join(' ')])
}

describe('the line of a call', () => {
  const note = { inboxIds: ['a'], rows: 1 }
  test.each<{ what: string; steps: Step[]; lines: [number, string][] }>([
    { what: 'nothing noted', steps: [{ status: 404 }], lines: [[404, '']] },
    { what: 'noted, not ahead', steps: [{ note }, { status: 201 }], lines: [[201, 'a']] },
    { what: 'ahead and as expected', steps: [{ note, expected: 201 }, { status: 201 }], lines: [[201, 'a']] },
    {
      what: 'ahead and otherwise',
      steps: [{ note, expected: 201 }, { status: 503 }],
      lines: [
        [201, 'a'],
        [503, 'a'],
      ],
    },
    {
      what: 'ahead, and about more in the end',
      steps: [{ note, expected: 201 }, { note: { inboxIds: ['b'] } }, { status: 201 }],
      lines: [
        [201, 'a'],
        [201, 'a b'],
      ],
    },
    {
      what: 'ahead once, however often asked',
      steps: [
        { note, expected: 200 },
        { note: { inboxIds: ['b'] }, expected: 200 },
      ],
      lines: [
        [200, 'a'],
        [200, 'a b'],
      ],
    },
  ])('$what', async ({ steps, lines }) => {
    expect(await linesOf(steps)).toEqual(lines)
  })

  test.each([
    ['not ahead', undefined],
    ['ahead', 201],
  ])('that cannot be written, %s: the call must not be answered', async (_, expected) => {
    const failing = linesOf([{ note, ...(expected ? { expected } : {}), status: 201 }], async () => {
      throw new Error('no primary')
    })
    await expect(failing).rejects.toThrow('no primary')
  })
})
