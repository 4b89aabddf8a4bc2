import { parseArgs } from 'node:util'
import { runCampaign, type Target } from '../test/durability/campaign.ts'

/** `npm run durability -- --kills N --target service|mongod|all --seed S`: one JSON line; exit code 1 when a promise was broken. */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    target: { type: 'string', default: 'all' },
    seed: { type: 'string', default: 'flsdb' },
  },
})
const targets: readonly Target[] = ['service', 'mongod', 'all']
const target = targets.find(one => one === values.target)
if (!target) throw new Error(`--target is one of ${targets.join(', ')}`)
const result = await runCampaign({
  kills: Number(values.kills),
  target,
  seed: values.seed,
  onCycle: (cycle, what) => process.stderr.write(`kill ${cycle + 1}: ${what}\n`),
})
console.log(JSON.stringify(result))
process.exit(result.lost + result.duplicated + result.corrupt + result.invented + result.episodesWrong > 0 ? 1 : 0)
