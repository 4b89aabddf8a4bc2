import type { Request } from 'express'
import type { z } from 'zod'
import { type Issue, issue } from '../fls/issue.ts'
import { decodeUtf8, readStrictJson } from '../sources/fhir/strict-json.ts'
import { Refusal } from './refusal.ts'

/** Most bytes of an ordinary JSON body of our own API. */
const usualLimit = 1024 * 1024

/**
 * Reads and checks a JSON body: `application/json`, UTF-8, not compressed, within the limit, no key twice, exactly the fields of the schema.
 * Refuses with 415, 413, 400 (not JSON) or 422 (each wrong field named by its path, never its value).
 */
export async function readJsonBody<T>(request: Request, schema: z.ZodType<T>, limit = usualLimit): Promise<T> {
  if (!request.is(['application/json', '+json'])) throw refuse(415, issue('media-type-not-supported', 'Content-Type'))
  if (request.headers['content-encoding'] && request.headers['content-encoding'] !== 'identity')
    throw refuse(415, issue('media-type-not-supported', 'Content-Encoding'))
  const result = schema.safeParse(parse(await readBytes(request, limit)), { reportInput: true })
  if (!result.success) throw new Refusal(422, result.error.issues.map(issueOf))
  return result.data
}

async function readBytes(request: Request, limit: number): Promise<Buffer> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request) {
    size += part.length
    if (size > limit) throw new Refusal(413, [issue('payload-too-large', 'body')], { Connection: 'close' })
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function parse(bytes: Buffer): unknown {
  const text = decodeUtf8(bytes)
  if (text === undefined) throw refuse(400, issue('json-invalid', 'body'))
  // A key said twice means two things: an opt-in must never rest on which of them a parser takes.
  const { read, issues } = readStrictJson(text)
  const broken = issues.find(found => found.code.startsWith('json-'))
  if (!read || broken) throw refuse(400, broken ?? issue('json-invalid', 'body'))
  return read.value
}

/** A zod finding as an issue: path and rule only. */
function issueOf(found: z.core.$ZodIssue): Issue {
  const where = found.path.map(String).join('.') || 'body'
  if (found.code === 'unrecognized_keys') return issue('element-unknown', where)
  if (found.code === 'invalid_type' && found.input === undefined) return issue('element-required', where)
  return issue('structure-invalid', where)
}

function refuse(status: number, found: Issue): Refusal {
  return new Refusal(status, [found])
}
