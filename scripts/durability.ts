import { parseArgs } from 'node:util'
import { runCampaign } from '../test/durability/campaign.ts'
import { isFaultName } from '../test/durability/faults/faults.ts'
import { planting, runTrap, traps } from '../test/durability/faults/planted.ts'
import { targets } from '../test/durability/kills.ts'
import { runBacklog } from '../test/durability/outages/backlog.ts'
import { runCrashImages } from '../test/durability/outages/crash-image.ts'
import { readAfterFailOvers } from '../test/durability/outages/reads-after-fail-over.ts'
import { runScenario, scenarioNames } from '../test/durability/outages/scenarios.ts'
import { isClean } from '../test/durability/verdict.ts'

/**
 * `npm run durability -- --scenario NAME|all`: outages of database and wire; one JSON line each; exit code 1 when the service broke a promise.
 * `npm run durability -- --crash-images N --seed S`: power cuts, imitated on a file system in a file; needs the right to mount.
 * `npm run durability -- --backlog N`: a restart over N unread messages.
 * `npm run durability -- --reads-after-fail-over N`: how often a client does not read what it wrote while a primary follows another; exit code 1
 * when ours did not.
 * `npm run durability -- --self-test`: a small campaign for each planted fault; exit code 1 when one was not caught.
 * `npm run durability -- --kills N --target service|mongod|primary|all --seed S [--kinds NAME,NAME] [--fault NAME]`: one JSON line on stdout, one line a kill on
 * stderr. Exit code 1 when a promise was broken.
 */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    target: { type: 'string', default: 'service' },
    seed: { type: 'string', default: 'flsdb' },
    kinds: { type: 'string' },
    fault: { type: 'string' },
    scenario: { type: 'string' },
    'crash-images': { type: 'string' },
    backlog: { type: 'string' },
    'reads-after-fail-over': { type: 'string' },
    'self-test': { type: 'boolean', default: false },
  },
})
const say = (cycle: number, what: string, promises: number): void =>
  void process.stderr.write(`kill ${cycle + 1}: ${what}, ${promises} acknowledged\n`)
if (values['self-test']) process.exit((await selfTest()) ? 0 : 1)
if (values['crash-images'] !== undefined) {
  const result = await runCrashImages(Number(values['crash-images']), values.seed)
  console.log(JSON.stringify(result))
  process.exit(result.missing + result.duplicated === 0 && isClean(result.verdict) ? 0 : 1)
}
if (values.backlog !== undefined) {
  const result = await runBacklog(Number(values.backlog))
  console.log(JSON.stringify(result))
  process.exit(result.isKept ? 0 : 1)
}
if (values['reads-after-fail-over'] !== undefined) {
  const result = await readAfterFailOvers(Number(values['reads-after-fail-over']))
  console.log(JSON.stringify(result))
  process.exit(result.flsdb.stale === 0 && result.flsdb.reads > 0 ? 0 : 1)
}
if (values.scenario !== undefined) process.exit((await playScenarios(values.scenario)) ? 0 : 1)
if (values.fault !== undefined && !isFaultName(values.fault))
  throw new Error(`--fault is one of ${Object.keys(traps).join(', ')}`)
const target = targets.find(one => one === values.target)
if (!target) throw new Error(`--target is one of ${targets.join(', ')}`)
const result = await runCampaign({
  kills: Number(values.kills),
  target,
  seed: values.seed,
  ...(values.kinds ? { kinds: values.kinds.split(',') } : {}),
  ...(values.fault ? { environment: planting(values.fault) } : {}),
  onCycle: say,
})
console.log(JSON.stringify(result))
process.exit(isClean(result) ? 0 : 1)

/** A harness that misses a fault is not to be trusted: every verdict must be bad. */
async function selfTest(): Promise<boolean> {
  let isTrusted = true
  for (const fault of Object.keys(traps).filter(isFaultName)) {
    const result = await runTrap(fault, say)
    isTrusted &&= result.isCaught
    console.log(JSON.stringify({ fault, ...result }))
  }
  return isTrusted
}

async function playScenarios(wanted: string): Promise<boolean> {
  const names = scenarioNames.filter(name => wanted === 'all' || wanted === name)
  if (names.length === 0) throw new Error(`--scenario is all or one of ${scenarioNames.join(', ')}`)
  let isKept = true
  for (const name of names) {
    const result = await runScenario(name)
    isKept &&= result.isKept
    console.log(JSON.stringify(result))
  }
  return isKept
}
