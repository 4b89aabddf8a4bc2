import { rm } from 'node:fs/promises'
import path from 'node:path'
import { Command } from 'commander'
import { readDemoAddresses } from '../access/demo-file.ts'
import { createKeyFile } from '../access/keys.ts'
import { readConfig } from '../config.ts'
import { backupCommand, restoreCommand } from './backup.ts'
import { checkCommand } from './check.ts'
import { doctorCommand } from './doctor.ts'
import { explainCommand } from './explain.ts'
import { feedCommands, importCommands, type Reach } from './feed.ts'
import { pullCommand } from './pull.ts'
import { replayCommand } from './replay.ts'
import { retentionCommand } from './retention.ts'
import { seedCommand } from './seed.ts'
import { sendCommand } from './send.ts'
import { tokenCommand } from './token.ts'

/** The `flsdb` command: one line per subcommand, each in a file of its own. */
const config = readConfig(process.env, 'demo')
const demoFile = path.join(config.dataFolder, 'demo.json')
const program = new Command('flsdb')
  .description('FLS-DB: hospital and GP records in, one linked episode per injury out')
  .version('0.1.0')

/** A taken port is replaced by a free one in the demo: its file knows which. */
const reach: Reach = async demo => ({
  host: config.bind,
  port: config.mllpPort,
  url: config.publicUrl ?? `http://${config.bind}:${config.httpPort}`,
  ...(await readDemoAddresses(demo)),
})

program
  .command('serve')
  .description('start the service (what npm start does after set-up)')
  .action(async () => {
    await import('../main.ts')
  })

program
  .command('send')
  .description('push HL7 v2, FHIR or extract files to a running service and print each answer')
  .argument('<file...>')
  .option('--mllp', 'over MLLP (default for .hl7 and unknown names)')
  .option('--fhir', 'over FHIR (default for .json)')
  .option(
    '--practice <ods>',
    'as an extract of this practice (default for .csv, .ndjson, .zip, which may say it themselves)',
  )
  .option('--extract-id <id>', 'name of the extract, where its file does not say it')
  .option('--mode <mode>', 'full or delta, where its file does not say it')
  .option('--host <host>', 'MLLP host (default: that of the running demo)')
  .option('--port <port>', 'MLLP port (default: that of the running demo)', value => Number(value))
  .option('--url <url>', 'address of the service (default: that of the running demo)')
  .option('--client <id>', 'demo client to sign in as')
  .option('--attempts <n>', 'how often a thing is sent before it is given up', value => Number(value), 3)
  .option('--ledger <file>', 'one JSON line per answer into this file; only what was not taken is printed')
  .option('--resend <ledger>', 'leave out what this ledger says was taken')
  .option('--demo-file <file>', 'identities of the demo', demoFile)
  .option('--json', 'one JSON line per answer')
  .action(async (files: string[], options) => {
    await sendCommand(files, { ...(await reach(options.demoFile)), ...options })
  })

program.addCommand(importCommands(demoFile, reach))
program.addCommand(feedCommands(demoFile, config.mappingsFolder, reach))

program
  .command('pull')
  .description(
    'bring an export of one opted-in practice from a registered FHIR server (Bulk Data) through the door of extracts',
  )
  .argument('<source>', 'its name in the file of sources')
  .option('--since <instant>', 'only what changed and was deleted since then; last: since the last pull that was taken')
  .option('--submitted', 'fetch what the supplier has named by $bulk-submit, instead of asking for an export')
  .option('--sources <file>', 'registered sources', path.join(config.dataFolder, 'pull-sources.json'))
  .option('--url <url>', 'address of the service (default: that of the running demo)')
  .option('--client <id>', 'demo client to sign in as')
  .option('--token-file <file>', 'holds a bearer token of the supplier, outside the demo')
  .option('--demo-file <file>', 'identities of the demo', demoFile)
  .option('--json', 'print the job as JSON')
  .action(async (source: string, options) => {
    await pullCommand(source, { ...(await reach(options.demoFile)), ...options, dataFolder: config.dataFolder })
  })

program
  .command('token')
  .description('print a bearer token of a demo client, for use with curl')
  .argument('<client>', 'client id or role')
  .option('--demo-file <file>', 'identities of the demo', demoFile)
  .action(tokenCommand)

program
  .command('check')
  .description('validate an HL7 v2, FHIR or extract file offline with the code the server runs; exit code 1 on errors')
  .argument('<file...>')
  .option('--questionnaire <file>', 'check a QuestionnaireResponse against this Questionnaire')
  .option('--feed <folder>', 'mapping folder to read with')
  .option('--practice <ods>', 'the files are an extract of this practice, also where a FHIR Bundle could be a request')
  .option('--json', 'print an OperationOutcome')
  .action(checkCommand)

program
  .command('replay')
  .description("build everything after the inbox again with today's tables and models")
  .option('--diff', 'only say what would change, and why; then discard it')
  .option('--keep', 'with --diff: keep what was built, for --swap or --discard')
  .option('--swap', 'take what --diff --keep has built')
  .option('--discard', 'drop what --diff --keep has built, or what was broken off')
  .option('--workers <n>', 'processes that read (default: one a core; 0 = this one)')
  .option('--list <n>', 'differences to list', '50')
  .option('--json', 'one JSON object')
  .action(replayCommand)

program
  .command('backup')
  .description('copy what cannot be rebuilt into a new folder, while the service runs')
  .argument('<folder>')
  .option('--with-keys', 'put the key file in as well')
  .option('--json', 'print the manifest')
  .action(backupCommand)

program
  .command('restore')
  .description('put a backup into an empty database (stop the service first), every byte checked')
  .argument('<folder>')
  .option('--check', 'only prove that the backup is whole; write nothing')
  .option('--overwrite', 'wipe what the database holds')
  .option('--json', 'print the manifest')
  .action(restoreCommand)

program
  .command('retention')
  .description('expire now what the service expires once a day: old entries of nobody with fracture evidence')
  .option('--dry-run', 'only count')
  .option('--json', 'one JSON object')
  .action(retentionCommand)

program
  .command('doctor')
  .description('examine this host and its settings')
  .option('--json', 'one JSON array')
  .action(doctorCommand)

program
  .command('seed')
  .description('push the synthetic year through the doors of a running demo')
  .option('--demo-file <file>', 'identities of the demo', demoFile)
  .option('--size <size>', 'full, small or a number of episodes', 'small')
  .option('--seed <text>', 'another world')
  .option('--truth <file>', 'write what is true beside it')
  .option('--quiet', 'no progress')
  .option('--once', 'do nothing when it was done before')
  .action(async options => {
    const stopping = new AbortController()
    for (const signal of ['SIGTERM', 'SIGINT', 'disconnect'] as const) process.on(signal, () => stopping.abort())
    const size = /^\d+$/.test(options.size) ? Number(options.size) : options.size
    await seedCommand({ ...options, size, signal: stopping.signal })
    if (process.connected) process.disconnect()
  })

const link = program.command('link').description('linkage')
link
  .command('explain')
  .description('why an episode stands together')
  .argument('<episode>')
  .option('--json', 'one JSON object')
  .action(explainCommand)

const keys = program.command('keys').description('the key file')
keys
  .command('new')
  .description('make a key file (mode 600); never overwrites')
  .argument('<file>')
  .action(async (file: string) => {
    await createKeyFile(file)
    console.log(`${file}: made. Keep it with the backups: without it ids and pseudonyms cannot be made again.`)
  })

program
  .command('reset')
  .description('wipe the data folder of the demo (stop the service first)')
  .option('--yes', 'do not ask')
  .action(async ({ yes }: { yes?: boolean }) => {
    if (!yes) {
      console.log(`This deletes ${config.dataFolder}. Run again with --yes.`)
      process.exitCode = 1
      return
    }
    await rm(config.dataFolder, { recursive: true, force: true })
    console.log(`${config.dataFolder}: gone`)
  })

await program.parseAsync().catch((cause: unknown) => {
  process.stderr.write(`${cause instanceof Error ? cause.message : 'failed'}\n`)
  process.exit(1)
})
