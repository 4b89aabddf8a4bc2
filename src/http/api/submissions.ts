import type { Db } from 'mongodb'
import { z } from 'zod'
import type { Principal } from '../../access/principal.ts'
import type { OdsCode } from '../../fls/fact.ts'
import { issue } from '../../fls/issue.ts'
import { lastingFaults } from '../../sources/pull/guarded-fetch.ts'
import { findJob } from '../../store/jobs.ts'
import { changeSubmission, completedSubmissions, findSubmission } from '../../store/submissions.ts'
import { readJsonBody } from '../json-body.ts'
import { badParameter, readQuery } from '../query.ts'
import { Refusal } from '../refusal.ts'
import type { Call, Route } from '../route.ts'

export type SubmissionDeps = {
  readonly db: Db
  readonly maySubmit: (principal: Principal, practice: string) => Promise<boolean>
}

/** What became of a manifest: the job of its files, or why it was not fetched. */
export const manifestResult = z.union([
  z.strictObject({ job: z.string().regex(/^[0-9a-f]{1,64}$/) }),
  z.strictObject({ failure: z.enum(lastingFaults) }),
])

/** What `flsdb pull --submitted` asks and tells, as the supplier's client: which manifests wait, and what became of each. */
export function submissionRoutes(deps: SubmissionDeps): Route[] {
  return [
    {
      key: 'GET /api/submissions',
      summary: 'Manifests of completed submissions of one practice that have not been fetched.',
      openapi: {
        parameters: [
          { name: 'practice', in: 'query', required: true, description: 'ODS code', schema: { type: 'string' } },
        ],
      },
      touchesPatientData: false,
      handle: call => list(call, deps),
    },
    {
      key: 'POST /api/submissions/:id/manifests/:number',
      summary: 'What became of a manifest; said once.',
      openapi: { requestBody: { content: { 'application/json': { schema: z.toJSONSchema(manifestResult) } } } },
      touchesPatientData: false,
      handle: call => note(call, deps),
    },
  ]
}

async function list({ request, response, principal }: Call, { db, maySubmit }: SubmissionDeps): Promise<void> {
  const { practice } = readQuery(request, ['practice'])
  if (!practice) throw badParameter('practice')
  if (!(await maySubmit(principal, practice))) throw notFound('practice')
  const found = await completedSubmissions(db, practice as OdsCode)
  const items = found.flatMap(({ _id, submissionId, manifests }) =>
    manifests.flatMap(({ url, isReplaced, job, failure }, index) =>
      isReplaced || job || failure ? [] : [{ id: _id, submissionId, number: index + 1, manifestUrl: url }],
    ),
  )
  response.set('Cache-Control', 'no-store').json({ items })
}

async function note(call: Call, { db, maySubmit }: SubmissionDeps): Promise<void> {
  const id = String(call.request.params['id'])
  const index = Number(call.request.params['number']) - 1
  const result = await readJsonBody(call.request, manifestResult)
  const known = await findSubmission(db, id)
  if (!known?.manifests[index] || !(await maySubmit(call.principal, known.practice))) throw notFound('address')
  if ('job' in result && (await findJob(db, result.job))?.practice !== known.practice) throw notFound('job')
  await changeSubmission(db, id, now => {
    if (!now) throw notFound('address')
    const own = now.manifests[index]
    if (!own || own.job || own.failure) return now
    return { ...now, manifests: now.manifests.with(index, { ...own, ...result }) }
  })
  call.response.status(204).end()
}

const notFound = (where: string): Refusal => new Refusal(404, [issue('not-found', where)])
