import type { AccessLog } from '../../store/access-log.ts'
import { badParameter, readLimit, readMoment, readQuery } from '../query.ts'
import type { Call, Route } from '../route.ts'

/** Who saw and changed what, and the proof that nobody edited the list. */
export function accessLogRoutes({ accessLog }: { readonly accessLog: AccessLog }): Route[] {
  return [
    {
      key: 'GET /api/access-log',
      summary: 'The access log, newest first; filter by who asked, episode, person or time.',
      openapi: {
        parameters: ['subject', 'episode', 'person', 'from', 'to', 'before', 'limit'].map(name => ({
          name,
          in: 'query',
          schema: { type: 'string' },
        })),
      },
      touchesPatientData: true,
      handle: call => list(call, accessLog),
    },
    {
      key: 'GET /api/access-log/verify',
      summary:
        'Walks the hash chain and names every line that was altered, removed or put in; anchor=sequence:hash checks a noted end.',
      openapi: { parameters: [{ name: 'anchor', in: 'query', schema: { type: 'string' } }] },
      touchesPatientData: true,
      handle: async call => {
        const { anchor } = readQuery(call.request, ['anchor'])
        call.response.set('Cache-Control', 'no-store').json(await accessLog.verify(readAnchor(anchor)))
      },
    },
  ]
}

async function list(call: Call, accessLog: AccessLog): Promise<void> {
  const query = readQuery(call.request, ['subject', 'episode', 'person', 'from', 'to', 'before', 'limit'])
  const { subject, episode, person } = query
  const from = readMoment('from', query.from)
  const to = readMoment('to', query.to)
  const before = query.before === undefined ? undefined : readSequence(query.before)
  const lines = await accessLog.read({
    limit: readLimit('limit', query.limit, 500),
    ...(subject === undefined ? {} : { subject }),
    ...(episode === undefined ? {} : { episode }),
    ...(person === undefined ? {} : { person }),
    ...(from ? { from } : {}),
    ...(to ? { to } : {}),
    ...(before === undefined ? {} : { before }),
  })
  const last = lines.at(-1)
  call.log({ rows: lines.length })
  call.response.set('Cache-Control', 'no-store').json({
    items: lines.map(({ _id, ...line }) => ({ sequence: _id, ...line })),
    end: await accessLog.last(),
    ...(last ? { nextBefore: last._id } : {}),
  })
}

function readAnchor(text: string | undefined): { sequence: number; hash: string } | undefined {
  if (text === undefined) return undefined
  const match = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text)
  if (!match) throw badParameter('anchor')
  return { sequence: Number(match[1]), hash: match[2] ?? '' }
}

function readSequence(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw badParameter('before')
  return Number(text)
}
