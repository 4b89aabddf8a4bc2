import { execFile } from 'node:child_process'
import path from 'node:path'
import { expect, test } from '@jest/globals'

const logger = path.join(import.meta.dirname, '..', '..', 'src', 'http', 'logger.ts')

/** What a process of its own has written to stdout when it has ended. */
function linesOf(script: string): Promise<string[]> {
  const program = `import { createLogger } from ${JSON.stringify(logger)}\nconst logger = createLogger()\n${script}`
  const words = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program]
  return new Promise(resolve => {
    execFile(process.execPath, words, (_fault, out) => resolve(out.split('\n').filter(line => line !== '')))
  })
}

const hundred = "for (let at = 0; at < 100; at++) logger.event('line', { at })"

test.each([
  ['when the process ends by itself', hundred],
  ['when it is told to end', `${hundred}; process.exit(1)`],
  ['when an exception ends it', `${hundred}; throw new Error('broken')`],
  ['when there is more than one write holds', `for (let round = 0; round < 30; round++) { ${hundred} }`],
])('no line is lost and their order stays %s', async (_what, script) => {
  const at = (await linesOf(script)).map(line => JSON.parse(line).at)
  expect(at.length % 100).toBe(0)
  expect(at.length).toBeGreaterThan(0)
  expect(at).toEqual(at.map((_, index) => index % 100))
})

test('a failure is written at once, behind what came before it', async () => {
  const script =
    "logger.event('before'); logger.failure('ref-1', new TypeError('x')); process.kill(process.pid, 'SIGKILL')"
  expect((await linesOf(script)).map(line => JSON.parse(line).msg)).toEqual(['before', 'failure'])
})
