import { conformanceItems, verdictOf, worstOf } from '../../fls/conformance.ts'
import { describeIssue, type IssueCode, issue } from '../../fls/issue.ts'
import { jobFor } from '../../sources/extract/routes.ts'
import type { JobDocument } from '../../store/jobs.ts'
import type { Store } from '../../store/store.ts'
import type { Pages } from '../../web/render.ts'
import { readChoice, readQuery } from '../query.ts'
import { Refusal } from '../refusal.ts'
import type { Call, Route } from '../route.ts'

export type ConformanceDependencies = { readonly store: Pick<Store, 'db'>; readonly pages: () => Promise<Pages> }
export type ConformanceReport = ReturnType<typeof reportOf>

/**
 * How well an extract, or a trial of one, holds what the audit needs, line by line of the dataset. Made of the counts of its receipt: the same
 * bytes under the same tables and code tables give the same items. The receipt and its findings also depend on what was there before.
 */
export function conformanceRoutes(deps: ConformanceDependencies): Route[] {
  return [
    {
      key: 'GET /api/jobs/:id/conformance',
      summary:
        'Conformance report of an extract or a trial: each dataset item with its share and verdict; as JSON or as a page.',
      openapi: { parameters: [{ name: 'format', in: 'query', schema: { enum: ['json', 'html'] } }] },
      touchesPatientData: false,
      handle: call => sendReport(call, deps),
    },
  ]
}

async function sendReport(call: Call, deps: ConformanceDependencies): Promise<void> {
  const { format } = readQuery(call.request, ['format'])
  const asked = readChoice('format', format, ['json', 'html'])
  const job = await jobFor(call, deps.store.db)
  const report = reportOf(job)
  const isPage = (asked ?? call.request.accepts('json', 'html')) === 'html'
  call.response.set('Cache-Control', 'no-store')
  if (isPage) call.response.type('html').send((await deps.pages()).conformance(report))
  else call.response.json(report)
}

/** Lines the table got after the count was made are not told. Throws `not-yet-read` before the end, `not-found` when nothing was counted. */
function reportOf({
  _id,
  practice,
  extractId,
  mode,
  isDryRun,
  state,
  finishedAt,
  receipt,
  issues,
  conformance,
}: JobDocument) {
  if (state === 'queued' || state === 'running')
    throw new Refusal(404, [issue('not-yet-read', 'address')], { 'Retry-After': '2' })
  if (!receipt || !finishedAt || !conformance) throw new Refusal(404, [issue('not-found', 'address')])
  const counted = new Map(conformance.filled.map(one => [one.name, one]))
  const items = conformanceItems.flatMap(({ item, name, of, pass, warn, fix }) => {
    const filled = counted.get(name)
    if (!filled) return []
    const { n, met } = filled
    const share = n === 0 ? {} : { share: Math.round((1_000 * met) / n) / 1_000 }
    return [{ item, name, of, n, met, ...share, pass, warn, verdict: verdictOf({ pass, warn }, filled), fix }]
  })
  const found = Object.entries(issues ?? {}).map(([code, count]) => {
    const { text, fix, severity } = describeIssue(issue(code as IssueCode, ''))
    return { code, severity, count, text, fix }
  })
  return {
    job: _id,
    practice,
    extractId,
    mode,
    isTrial: isDryRun,
    checkedAt: finishedAt.toISOString(),
    tables: conformance.tables,
    verdict: worstOf(items.map(({ verdict }) => verdict)),
    receipt,
    items,
    issues: found,
  }
}
