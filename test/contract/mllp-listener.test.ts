import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { issue } from '../../src/fls/issue.ts'
import { type Arrival, StorageUncertain } from '../../src/sources/arrival.ts'
import type { MllpFeed, MllpPeer } from '../../src/sources/hl7v2/feed.ts'
import type { MllpListenerOptions } from '../../src/sources/hl7v2/listener.ts'
import { startMllpListener } from '../../src/sources/hl7v2/listener.ts'
import { parseMessage } from '../../src/sources/hl7v2/message.ts'
import { type Certificates, makeCertificates } from '../set-up/certificates.ts'
import { accepted, adt, type Door, feed, frame, openDoor, Peer } from './mllp-peer.ts'

const open: { close: () => unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

async function start(options: Partial<MllpListenerOptions> = {}, about: Partial<MllpFeed> = {}): Promise<Door> {
  const door = await openDoor(options, about)
  open.push(door)
  return door
}

function dial(door: { port: number }): Peer {
  const peer = new Peer(door.port)
  open.push(peer)
  return peer
}

/** An `accept()` that waits until it is told what became of each message. */
function heldAccept() {
  const waiting = new Map<string, (outcome: 'kept' | Error) => void>()
  const begun: string[] = []
  const accept = (arrival: Arrival) =>
    new Promise<ReturnType<typeof accepted>>((resolve, reject) => {
      begun.push(arrival.controlId)
      waiting.set(arrival.controlId, outcome => (outcome === 'kept' ? resolve(accepted(arrival)) : reject(outcome)))
    })
  return { accept, begun, settle: (id: string, outcome: 'kept' | Error = 'kept') => waiting.get(id)?.(outcome) }
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error('it did not become true in 5 s')
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

describe('keep, then acknowledge', () => {
  test('what is handed over: the exact bytes, the feed of the connection, MSH-10, type and lane', async () => {
    const door = await start()
    const peer = dial(door)
    peer.write(frame(adt('M1')))
    await peer.answered(1)
    expect(door.arrivals).toEqual([
      {
        sender: 'rxx01-pas',
        organisation: 'RXX',
        side: 'hospital',
        protocol: 'hl7v2',
        controlId: 'M1',
        type: 'ADT^A08',
        bytes: Buffer.from(adt('M1')),
        recordKey: 'RXX01|H123456',
      },
    ])
    expect(door.lines).toMatchObject([
      { controlId: 'M1', type: 'ADT^A08', size: adt('M1').length + 1, outcome: 'AA', feed: 'rxx01-pas' },
    ])
  })

  test('no answer before accept() has resolved', async () => {
    const held = heldAccept()
    const peer = dial(await start({ accept: held.accept }))
    peer.write(frame(adt('M1')))
    await until(() => held.begun.length === 1)
    expect(peer.answers).toHaveLength(0)
    held.settle('M1')
    await peer.answered(1)
    expect(peer.codes).toEqual(['AA M1'])
  })

  test('several frames under way: handed over in order, answered in order, whatever finishes first', async () => {
    const held = heldAccept()
    const peer = dial(await start({ accept: held.accept }))
    peer.write(Buffer.concat(['M1', 'M2', 'M3'].map(id => frame(adt(id)))))
    await until(() => held.begun.length === 3)
    expect(held.begun).toEqual(['M1', 'M2', 'M3'])
    held.settle('M3')
    held.settle('M2')
    await peer.writeApart(['\r'])
    expect(peer.answers).toHaveLength(0)
    held.settle('M1')
    await peer.answered(3)
    expect(peer.codes).toEqual(['AA M1', 'AA M2', 'AA M3'])
  })

  test.each([
    ['unknown type', adt('M1').replace('ADT^A08', 'QQQ^X99')],
    ['unknown version', adt('M1').replace('|2.4', '|9.9')],
    ['test message', adt('M1').replace('|P|2.4', '|T|2.4')],
    ['nonsense body', 'MSH|^~\\&|PAS|RXX01|||2026||ADT^A08|M1|P|2.4\r%%%\rPID\r\r~~\r'],
    ['header alone', 'MSH|^~\\&|PAS|RXX01|||2026||ADT^A08|M1'],
  ])('a readable header of an enrolled sender is AA: %s', async (_what, text) => {
    const door = await start()
    const peer = dial(door)
    peer.write(frame(text))
    await peer.answered(1)
    expect(peer.codes).toEqual(['AA M1'])
    expect(door.arrivals).toHaveLength(1)
  })

  test('an empty MSH-10 is taken', async () => {
    const door = await start()
    const peer = dial(door)
    peer.write(frame(adt('')))
    await peer.answered(1)
    expect(peer.codes).toEqual(['AA '])
    expect(door.arrivals[0]?.controlId).toBe('')
  })

  test('the same bytes again are answered the same', async () => {
    const door = await start({ accept: async arrival => ({ ...accepted(arrival), outcome: 'repeat' as const }) })
    const peer = dial(door)
    peer.write(frame(adt('M1')))
    await peer.answered(1)
    expect(peer.codes).toEqual(['AA M1'])
    expect(door.lines[0]).toMatchObject({ outcome: 'AA', isRepeat: true })
  })
})

describe('what is not taken', () => {
  test.each([
    ['unknown sender', adt('M1').replace('|PAS|', '|EVIL|'), 'AR M1', 'unknown-sender'],
    [
      'unknown sender, enhanced mode',
      adt('M1', { msh: '|||AL|NE' }).replace('|PAS|', '|EVIL|'),
      'CR M1',
      'unknown-sender',
    ],
    ['no header', 'PID|1||H123456\r', 'AR ', 'no-header'],
    ['nothing in the frame', '', 'AR ', 'no-header'],
    ['a web request', 'GET / HTTP/1.1\r\n\r\n', 'AR ', 'no-header'],
    ['an empty batch', 'BHS|^~\\&|PAS|RXX01\rBTS|0\r', 'AR ', 'no-header'],
  ])('%s', async (_what, text, answer, fault) => {
    const door = await start()
    const peer = dial(door)
    peer.write(frame(text))
    peer.write(frame(adt('M2')))
    await peer.answered(2)
    expect(peer.codes).toEqual([answer, 'AA M2'])
    expect(door.faults).toEqual([fault])
    expect(door.arrivals.map(arrival => arrival.controlId)).toEqual(['M2'])
  })

  test('an acknowledgement is never acknowledged', async () => {
    const door = await start()
    const peer = dial(door)
    peer.write(frame('MSH|^~\\&|PAS|RXX01|FLS|N|2026||ACK^A08|X1|P|2.4\rMSA|AA|M0\r'))
    peer.write(frame(adt('M1')))
    await peer.answered(1)
    expect(peer.codes).toEqual(['AA M1'])
    expect(door.arrivals).toHaveLength(1)
    expect(door.faults).toEqual(['acknowledgement-received'])
  })

  test('larger than the limit: AE, then close; the start is a dead letter', async () => {
    const limits = { messageBytes: 1000 }
    const door = await start({ limits })
    const peer = dial(door)
    peer.write(frame(adt('M1')))
    peer.write(frame(adt('M2', { body: `NTE|1||${'x'.repeat(2000)}\r` })))
    await peer.closed
    expect(peer.codes).toEqual(['AA M1', 'AE M2'])
    expect(door.faults).toEqual(['too-large'])
    expect(door.deadLetters.map(({ bytes, fault }) => [bytes.length, fault])).toEqual([[1000, 'too-large']])
    expect(door.arrivals.map(arrival => arrival.controlId)).toEqual(['M1'])
  })

  test('exactly at the limit is taken', async () => {
    const text = adt('M1')
    const peer = dial(await start({ limits: { messageBytes: Buffer.byteLength(text) } }))
    peer.write(frame(text))
    await peer.answered(1)
    expect(peer.codes).toEqual(['AA M1'])
  })

  test('a stream that carries no frames is closed', async () => {
    const door = await start()
    const peer = dial(door)
    peer.write('x'.repeat(5000))
    await peer.closed
    expect(door.faults).toEqual(['junk-before-start', 'too-much-junk'])
    expect(peer.answers).toHaveLength(0)
  })
})

describe('storage not confirmed', () => {
  test('silence, for this and every later frame, then close', async () => {
    const held = heldAccept()
    const door = await start({ accept: held.accept, limits: { silentCloseMs: 100 } })
    const peer = dial(door)
    peer.write(Buffer.concat(['M1', 'M2', 'M3'].map(id => frame(adt(id)))))
    await until(() => held.begun.length === 3)
    held.settle('M1')
    held.settle('M3')
    held.settle('M2', new StorageUncertain())
    await peer.closed
    expect(peer.codes).toEqual(['AA M1'])
    expect(door.faults).toEqual(['storage-uncertain'])
  })

  test('any other failure of accept() is the same doubt', async () => {
    const door = await start({
      accept: async () => {
        throw new Error('broken')
      },
      limits: { silentCloseMs: 50 },
    })
    const peer = dial(door)
    peer.write(frame(adt('M1')))
    await peer.closed
    expect(peer.answers).toHaveLength(0)
    expect(door.faults).toEqual(['accept-failed'])
    expect(door.errors).toHaveLength(1)
  })

  test.each([
    ['original mode', undefined, 'AR M1'],
    ['enhanced mode', '|||AL|NE', 'CR M1'],
  ])('feed profile reject, %s: condition 207 and the connection goes on', async (_what, msh, answer) => {
    const accept = async (arrival: Arrival) => {
      if (arrival.controlId === 'M1') throw new StorageUncertain()
      return accepted(arrival)
    }
    const peer = dial(await start({ accept }, { onUncertain: 'reject' }))
    peer.write(frame(adt('M1', msh ? { msh } : {})))
    peer.write(frame(adt('M2')))
    const [first] = await peer.answered(2)
    expect(peer.codes).toEqual([answer, 'AA M2'])
    expect(first && parseMessage(first)?.first('ERR')?.component(3)).toBe('207')
  })

  test('a sender register that fails is the same doubt', async () => {
    const door = await start({
      senderOf: async () => {
        throw new Error('register unreachable')
      },
      limits: { silentCloseMs: 50 },
    })
    const peer = dial(door)
    peer.write(frame(adt('M1')))
    await peer.closed
    expect(peer.answers).toHaveLength(0)
    expect(door.arrivals).toHaveLength(0)
  })
})

describe('profile applied', () => {
  const wrongDate = issue('unreadable-date', 'PID-7')
  const localCode = issue('code-local', 'DG1-3')
  test.each([
    ['nothing found', [], 'AA', []],
    ['information only', [localCode], 'AA', ['code-local']],
    ['an error', [localCode, wrongDate], 'AA', ['code-local', 'unreadable-date']],
    ['not read in time', undefined, 'AA', ['not-yet-read']],
  ])('%s', async (_what, issues, code, errors) => {
    const peer = dial(await start({ whenRead: async () => issues, appliedWaitMs: 50 }, { profile: 'applied' }))
    peer.write(frame(adt('M1')))
    const [answer] = await peer.answered(1)
    const read = answer && parseMessage(answer)
    expect(read?.first('MSA')?.component(1)).toBe(code)
    expect(read?.segments('ERR').map(error => error.field(5).text)).toEqual(errors)
  })

  test('profile stored neither waits nor tells', async () => {
    const peer = dial(await start({ whenRead: () => new Promise(() => undefined) }))
    peer.write(frame(adt('M1')))
    const [answer] = await peer.answered(1)
    expect(answer && parseMessage(answer)?.segments('ERR')).toEqual([])
  })
})

describe('connections', () => {
  test('the receive time-out holds inside a frame only', async () => {
    const door = await start({ limits: { frameTimeoutMs: 150 } })
    const idle = dial(door)
    const stuck = dial(door)
    idle.write(frame(adt('M1')))
    stuck.write(frame(adt('M2')).subarray(0, 60))
    await stuck.closed
    expect(door.faults).toEqual(['timed-out'])
    expect(door.deadLetters).toEqual([{ bytes: Buffer.from(adt('M2')).subarray(0, 59), fault: 'timed-out' }])
    idle.write(frame(adt('M3')))
    await idle.answered(2)
    expect(idle.codes).toEqual(['AA M1', 'AA M3'])
  })

  test('dripping bytes does not hold a connection for ever', async () => {
    const door = await start({ limits: { frameTimeoutMs: 150 } })
    const peer = dial(door)
    peer.write(frame(adt('M1')).subarray(0, 20))
    const drip = setInterval(() => peer.write('x'), 20)
    await peer.closed
    clearInterval(drip)
    expect(door.faults).toContain('timed-out')
  })

  test('one address too often is refused loudly, others are served', async () => {
    const door = await start({ limits: { connectionsPerAddress: 2 } })
    const [first, second] = [dial(door), dial(door)]
    first.write(frame(adt('M1')))
    second.write(frame(adt('M2')))
    await Promise.all([first.answered(1), second.answered(1)])
    const third = dial(door)
    await third.closed
    expect(door.faults).toEqual(['connection-refused'])
    const elsewhere = new Peer(door.port, connect({ port: door.port, host: '127.0.0.1', localAddress: '127.0.0.2' }))
    open.push(elsewhere)
    elsewhere.write(frame(adt('M3')))
    await elsewhere.answered(1)
    expect(elsewhere.codes).toEqual(['AA M3'])
    first.close()
    await until(() => door.connectionCount() === 2)
    const fourth = dial(door)
    fourth.write(frame(adt('M4')))
    await fourth.answered(1)
    expect(fourth.codes).toEqual(['AA M4'])
  })

  test('the cap over all addresses', async () => {
    const door = await start({ limits: { connections: 1 } })
    const first = dial(door)
    first.write(frame(adt('M1')))
    await first.answered(1)
    await dial(door).closed
    expect(door.faults).toEqual(['connection-refused'])
  })

  test('a peer that has said its last word still gets its answers', async () => {
    const held = heldAccept()
    const peer = dial(await start({ accept: held.accept }))
    peer.socket.end(frame(adt('M1')))
    await until(() => held.begun.length === 1)
    held.settle('M1')
    await peer.closed
    expect(peer.codes).toEqual(['AA M1'])
  })

  test('an answer that can no longer be delivered is counted, not sent elsewhere', async () => {
    const held = heldAccept()
    const door = await start({ accept: held.accept })
    const peer = dial(door)
    peer.write(frame(adt('M1')))
    await until(() => held.begun.length === 1)
    peer.socket.resetAndDestroy()
    await until(() => door.connectionCount() === 0)
    held.settle('M1')
    await until(() => door.faults.includes('answer-undeliverable'))
  })

  test('reading pauses while too much is unanswered and goes on afterwards', async () => {
    const held = heldAccept()
    const peer = dial(await start({ accept: held.accept, limits: { unansweredBytes: 4096 } }))
    const ids = Array.from({ length: 2000 }, (_, at) => `M${at}`)
    const all = Buffer.concat(ids.map(id => frame(adt(id))))
    peer.write(all)
    await until(() => held.begun.length > 0)
    await peer.writeApart(['\r'], 100)
    // One read of the socket is at most 64 KiB; what lies behind it must wait in the kernel.
    expect(held.begun.length).toBeLessThan(ids.length)
    const early = held.begun.length
    for (let at = 0; at < ids.length; at++) {
      await until(() => held.begun.length > at)
      held.settle(held.begun[at] ?? '')
    }
    await peer.answered(ids.length)
    expect(held.begun).toEqual(ids)
    expect(peer.codes).toEqual(ids.map(id => `AA ${id}`))
    expect(early).toBeGreaterThan(0)
  })

  test('a pause of ours does not count against the sender’s frame time-out', async () => {
    const held = heldAccept()
    const door = await start({ accept: held.accept, limits: { unansweredBytes: 600, frameTimeoutMs: 100 } })
    const peer = dial(door)
    peer.write(Buffer.concat([frame(adt('M1')), frame(adt('M2')), frame(adt('M3')).subarray(0, 50)]))
    await until(() => held.begun.length === 2)
    await peer.writeApart([frame(adt('M3')).subarray(50)], 250)
    expect(door.faults).toEqual([])
    held.settle('M1')
    held.settle('M2')
    await until(() => held.begun.length === 3)
    held.settle('M3')
    await peer.answered(3)
    expect(peer.codes).toEqual(['AA M1', 'AA M2', 'AA M3'])
  })
})

describe('closing', () => {
  test('answers of frames under way go out, half a frame is dropped, new connections are refused', async () => {
    const held = heldAccept()
    const door = await openDoor({ accept: held.accept })
    const peer = dial(door)
    peer.write(Buffer.concat([frame(adt('M1')), frame(adt('M2')).subarray(0, 30)]))
    await until(() => held.begun.length === 1)
    const closing = door.close()
    held.settle('M1')
    await closing
    await peer.closed
    expect(peer.codes).toEqual(['AA M1'])
    expect(held.begun).toEqual(['M1'])
    const late = dial(door)
    await late.closed
    expect(late.answers).toHaveLength(0)
  })

  test('is bounded when storage hangs', async () => {
    const held = heldAccept()
    const door = await openDoor({ accept: held.accept, limits: { shutdownMs: 200 } })
    const peer = dial(door)
    peer.write(frame(adt('M1')))
    await until(() => held.begun.length === 1)
    const started = performance.now()
    await door.close()
    expect(performance.now() - started).toBeLessThan(2000)
    expect(peer.answers).toHaveLength(0)
  })
})

test.each(['0.0.0.0', '10.0.0.1', '::'])('plain text off loopback (%s) needs an explicit word', async host => {
  await expect(
    startMllpListener({ host, port: 0, accept: async arrival => accepted(arrival), senderOf: () => feed }),
  ).rejects.toThrow('loopback only')
})

describe('TLS', () => {
  let certificates: Certificates
  beforeAll(() => {
    certificates = makeCertificates(
      ['ca', 'rogue'],
      [
        ['server', 'ca'],
        ['client', 'ca'],
        ['renewed', 'ca'],
        ['stranger', 'rogue'],
      ],
    )
  })
  afterAll(() => certificates.remove())

  const pem = (name: string) => certificates.pem(name)
  const identity = (name: string) => certificates.identity(name)
  const dialTls = (port: number, options: object) => {
    const socket = connectTls({
      port,
      host: '127.0.0.1',
      ca: pem('ca'),
      checkServerIdentity: () => undefined,
      ...options,
    })
    const peer = new Peer(port, socket)
    open.push(peer)
    return { peer, socket }
  }

  test('a client with a certificate of ours is served and known by it', async () => {
    const peers: MllpPeer[] = []
    const senderOf = (peer: MllpPeer) => {
      peers.push(peer)
      return feed
    }
    const door = await start({ tls: { ...identity('server'), ca: pem('ca') }, senderOf })
    const { peer } = dialTls(door.port, identity('client'))
    peer.write(frame(adt('M1')))
    await peer.answered(1)
    expect(peer.codes).toEqual(['AA M1'])
    expect(peers[0]?.certificate).toMatchObject({ subject: 'O=RXX,CN=client' })
    expect(peers[0]?.certificate?.fingerprint256).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
    peer.close()
    await until(() => door.connectionCount() === 0)
  })

  test.each([
    ['no certificate', () => ({})],
    ['a certificate of somebody else', () => identity('stranger')],
    [
      'TLS 1.1',
      () => ({ ...identity('client'), minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ],
  ])('refused: %s', async (_what, options) => {
    const door = await start({ tls: { ...identity('server'), ca: pem('ca') } })
    const { peer } = dialTls(door.port, options())
    peer.write(frame(adt('M1')))
    await peer.closed
    await until(() => door.faults.includes('tls-failed'))
    expect(peer.answers).toHaveLength(0)
    expect(door.arrivals).toHaveLength(0)
    await until(() => door.connectionCount() === 0)
  })

  test('plain text on a TLS port is refused', async () => {
    const door = await start({ tls: { ...identity('server'), ca: pem('ca') } })
    const peer = dial(door)
    peer.write(frame(adt('M1')))
    await peer.closed
    expect(door.arrivals).toHaveLength(0)
  })

  test('certificates are exchanged while connections stay', async () => {
    const door = await start({ tls: { ...identity('server'), ca: pem('ca') } })
    const old = dialTls(door.port, identity('client'))
    old.peer.write(frame(adt('M1')))
    await old.peer.answered(1)
    door.reloadTls({ ...identity('renewed'), ca: pem('ca') })
    const fresh = dialTls(door.port, identity('client'))
    fresh.peer.write(frame(adt('M2')))
    await fresh.peer.answered(1)
    expect(fresh.socket.getPeerCertificate().subject.CN).toBe('renewed')
    old.peer.write(frame(adt('M3')))
    await old.peer.answered(2)
    expect(old.peer.codes).toEqual(['AA M1', 'AA M3'])
  })
})
