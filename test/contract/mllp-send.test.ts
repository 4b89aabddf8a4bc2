import { createServer } from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { type SendOptions, type SendResult, sendMessages } from '../../src/sources/hl7v2/send.ts'
import { adt, frame, openDoor } from './mllp-peer.ts'

const open: { close: () => unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

async function send(port: number, messages: readonly string[], more: Partial<SendOptions> = {}): Promise<SendResult[]> {
  const results: SendResult[] = []
  const all = {
    host: '127.0.0.1',
    port,
    messages: messages.map(text => Buffer.from(text)),
    answerTimeoutMs: 1_000,
    ...more,
  }
  await sendMessages({ ...all, onAck: result => void results.push(result) })
  return results
}

/** A listener that answers each frame it is sent with whatever `answers` says, in turn. */
async function badListener(answers: readonly string[]): Promise<number> {
  const left = [...answers]
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.on('data', () => {
      const answer = left.shift()
      if (answer === 'close') socket.destroy()
      else if (answer) socket.write(frame(answer))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  open.push({ close: () => server.close() })
  const address = server.address()
  return address && typeof address === 'object' ? address.port : 0
}

const ack = (id: string, code = 'AA') => `MSH|^~\\&|F|N|P|R|2026||ACK^A08|1|P|2.4\rMSA|${code}|${id}\r`

for (const through of ['exact', 'node-hl7-client'] as const) {
  test(`through ${through}: ten messages, ten answers, in order`, async () => {
    const door = await openDoor()
    open.push(door)
    const ids = Array.from({ length: 10 }, (_, at) => `M${at}`)
    const results = await send(
      door.port,
      ids.map(id => adt(id)),
      { through, answerTimeoutMs: 5000 },
    )
    expect(results.map(result => `${result.ordinal} ${result.controlId} ${result.kind} ${result.code}`)).toEqual(
      ids.map((id, at) => `${at + 1} ${id} answered AA`),
    )
    expect(door.arrivals.map(arrival => arrival.controlId)).toEqual(ids)
  })

  test(`through ${through}: a refusal comes with its text`, async () => {
    const door = await openDoor()
    open.push(door)
    const [result] = await send(door.port, [adt('M1').replace('|PAS|', '|EVIL|')], { through, answerTimeoutMs: 5000 })
    expect(result).toMatchObject({ kind: 'answered', code: 'AR' })
    expect(result?.texts.join(' ')).toContain('not enrolled')
  })
}

test('exact means every byte, in any character set', async () => {
  const door = await openDoor()
  open.push(door)
  const bytes = Buffer.from(adt('M1', { msh: '||||||8859/1', body: 'NTE|1||  MÜLLER  \r\r' }), 'latin1')
  await sendMessages({ host: '127.0.0.1', port: door.port, messages: [bytes], onAck: () => undefined })
  expect(door.arrivals[0]?.bytes.equals(bytes)).toBe(true)
})

test.each([
  ['another message’s answer is not ours', [ack('M9')], 'no-answer', 1],
  ['ours after another’s in the same turn', [`${ack('M9')}\x1c\r\x0b${ack('M1')}`], 'answered', 1],
  ['no answer', [], 'no-answer', 0],
  ['connection closed instead', ['close'], 'no-answer', 0],
  ['an unreadable header is answered without MSA-2', [ack('', 'AR')], 'answered', 0],
  ['a positive answer without MSA-2 is nobody’s', [ack('')], 'no-answer', 1],
])('%s', async (_what, answers, kind, strayAnswers) => {
  // Long enough for an answer on a busy machine; only what never comes is waited for to the end.
  const answerTimeoutMs = kind === 'answered' ? 10_000 : 1_500
  const [result] = await send(await badListener(answers), [adt('M1')], { answerTimeoutMs })
  expect(result).toMatchObject({ kind, strayAnswers })
})

test('after a missing answer the next message gets a connection of its own', async () => {
  const port = await badListener(['', ack('M2')])
  const results = await send(port, [adt('M1'), adt('M2')])
  expect(results.map(result => result.kind)).toEqual(['no-answer', 'answered'])
})

test('a message that asks for silence is not an error', async () => {
  const door = await openDoor()
  open.push(door)
  const [result] = await send(door.port, [adt('M1', { msh: '|||NE|NE' })])
  expect(result).toMatchObject({ kind: 'none-due', code: '' })
  expect(door.arrivals).toHaveLength(1)
})

test('nobody listens', async () => {
  const door = await openDoor()
  await door.close()
  await expect(send(door.port, [adt('M1')])).rejects.toThrow('ECONNREFUSED')
  await expect(
    send(door.port, [adt('M1')], { through: 'node-hl7-client', connectTimeoutMs: 200 }),
  ).resolves.toMatchObject([{ kind: 'not-sent' }])
})
