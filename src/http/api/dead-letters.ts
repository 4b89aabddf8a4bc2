import { scopeFilter } from '../../access/scope.ts'
import { issue } from '../../fls/issue.ts'
import type { DeadLetters } from '../../store/dead-letters.ts'
import { readLimit, readQuery } from '../query.ts'
import { Refusal } from '../refusal.ts'
import type { Route } from '../route.ts'

/** What enrolled HL7 v2 senders sent that never became a message: the operator sees that it happened, the engineer of the organisation the bytes. */
export function deadLetterRoutes({ deadLetters }: { readonly deadLetters: DeadLetters }): Route[] {
  return [
    {
      key: 'GET /api/dead-letters',
      summary: 'Broken frames of enrolled senders, newest first: fault, size, how often. Kept 30 days.',
      openapi: { parameters: [{ name: 'limit', in: 'query', schema: { type: 'integer', maximum: 200 } }] },
      touchesPatientData: false,
      handle: async call => {
        const { limit } = readQuery(call.request, ['limit'])
        const found = await deadLetters.list(
          scopeFilter(call.principal, 'organisation'),
          readLimit('limit', limit, 200),
        )
        const items = found.map(({ _id, firstAt, lastAt, ...letter }) => ({
          id: _id,
          ...letter,
          firstAt: firstAt.toISOString(),
          lastAt: lastAt.toISOString(),
        }))
        call.response.set('Cache-Control', 'no-store').json({ items })
      },
    },
    {
      key: 'GET /api/dead-letters/:id/raw',
      summary: 'The bytes as they came, at most the first 64 KiB.',
      touchesPatientData: true,
      handle: async call => {
        readQuery(call.request, [])
        const id = String(call.request.params['id'])
        const bytes = await deadLetters.bytesOf(scopeFilter(call.principal, 'organisation'), id)
        if (!bytes) throw new Refusal(404, [issue('not-found', 'address')])
        call.response
          .status(200)
          .set({
            'Cache-Control': 'no-store',
            'Content-Type': 'application/octet-stream',
            'Content-Disposition': 'attachment; filename="dead-letter.bin"',
          })
          .end(bytes)
      },
    },
  ]
}
