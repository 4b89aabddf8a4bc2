import path from 'node:path'
import { Command } from 'commander'
import { feedAddCommand } from './feed-add.ts'
import { feedNewCommand } from './feed-new.ts'
import { importCommand } from './import.ts'

/** Where commands find the running service: the settings, or what the demo's file says. */
export type Reach = (
  demoFile: string,
) => Promise<{ readonly host: string; readonly port: number; readonly url: string }>

const shipped = path.join(import.meta.dirname, '..', '..', 'mappings')

/** `flsdb feed new`, `flsdb feed add`. `mappingsFolder`: other tables than those of this release. */
export function feedCommands(demoFile: string, mappingsFolder: string | undefined, reach: Reach): Command {
  const feed = new Command('feed').description('take a new sender of HL7 v2 on')
  feed
    .command('new')
    .description('read sample messages, say what they hold and write the mapping folder to start with')
    .argument('<name>', 'folder under mappings/, as a rule the feed id')
    .requiredOption('--from <samples...>', 'files or folders of messages')
    .option('--organisation <ods>', 'trust whose feed this is (default: from MSH-4)')
    .option('--title <text>', 'what it is, for readers of the folder')
    .option('--into <folder>', 'folder of mapping tables', mappingsFolder ?? shipped)
    .option('--json', 'one JSON object')
    .action(feedNewCommand)
  feed
    .command('add')
    .description('enrol a sender at a running service')
    .argument('<id>', 'feed id')
    .option('--mapping <folder>', 'mapping folder (default: that of the same name, else hl7v2)')
    .option('--organisation <ods>', 'trust whose feed this is (default: source.json)')
    .option('--application <names...>', 'MSH-3 it sends (default: source.json)', [])
    .option('--facility <names...>', 'MSH-4 it sends (default: source.json)', [])
    .option('--profile <profile>', 'stored or applied')
    .option('--charset <name>', 'overrules MSH-18')
    .option('--url <url>', 'address of the service (default: that of the running demo)')
    .option('--client <id>', 'demo client to sign in as', 'operator')
    .option('--token-file <file>', 'file that holds a bearer token')
    .option('--demo-file <file>', 'identities of the demo', demoFile)
    .action(async (id: string, options) => {
      const { url } = await reach(options.demoFile)
      await feedAddCommand(id, { url, ...(mappingsFolder ? { mappingsFolder } : {}), ...options })
    })
  return feed
}

/** `flsdb import`. */
export function importCommands(demoFile: string, reach: Reach): Command {
  return new Command('import')
    .description('send files of HL7 v2 messages through the MLLP door; run again after a stop, it goes on where it was')
    .argument('<place>', 'file or folder')
    .option('--host <host>', 'MLLP host (default: that of the running demo)')
    .option('--port <port>', 'MLLP port (default: that of the running demo)', value => Number(value))
    .option('--keep', 'leave finished files where they are')
    .option('--json', 'one JSON line per file')
    .option('--demo-file <file>', 'identities of the demo', demoFile)
    .action(async (place: string, options) => {
      await importCommand(place, { ...(await reach(options.demoFile)), ...options })
    })
}
