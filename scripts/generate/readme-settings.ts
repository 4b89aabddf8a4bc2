import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { settings } from '../../src/config.ts'
import { markdownTable, withGenerated } from './between-markers.ts'

const root = path.join(import.meta.dirname, '../..')

/** README.md with its settings table made from config.ts; a test compares it with what is committed. */
export function generatedReadme(): ReadonlyMap<string, string> {
  const rows = Object.entries(settings).map(([name, setting]) => [`\`${name}\``, setting.default, setting.meaning])
  const table = markdownTable(['name', 'default', 'meaning'], rows)
  return new Map([['README.md', withGenerated(path.join(root, 'README.md'), 'settings', table)]])
}

if (process.argv[1] === import.meta.filename) {
  for (const [file, content] of generatedReadme()) writeFileSync(path.join(root, file), content)
}
