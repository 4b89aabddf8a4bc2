import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { OdsCode } from '../fls/fact.ts'
import { type FeedSurvey, type Met, surveyMessages } from '../mapping/feed-survey.ts'
import { startingFeed } from '../mapping/starting-feed.ts'
import { loadTables } from '../open-river.ts'
import { splitBatch } from '../sources/hl7v2/batch.ts'
import { type Message, parseMessage } from '../sources/hl7v2/message.ts'
import { withoutFrames } from '../sources/hl7v2/unframe.ts'

export type FeedNewCommand = {
  readonly from: readonly string[]
  readonly organisation?: string
  readonly title?: string
  /** Folder of mapping tables the new one goes into. */
  readonly into: string
  readonly json?: boolean
}

/**
 * `flsdb feed new NAME --from SAMPLES`: reads sample messages, says what they hold and writes the mapping folder the feed starts with, checked by
 * the loader of the service. Nothing of a patient is printed or written. Rejects when the folder exists or no sample can be read.
 */
export async function feedNewCommand(name: string, options: FeedNewCommand): Promise<void> {
  if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(name)) throw new Error(`${name}: use lower-case letters, digits and hyphens.`)
  const folder = path.join(options.into, name)
  if (existsSync(folder)) throw new Error(`${folder} exists already: choose another name, or edit its tables.`)
  const settings = { acceptTestNumbers: true, mappingsFolder: options.into }
  const defaults = loadTables(settings).mapping.feeds.get('hl7v2')
  if (!defaults) throw new Error(`${options.into} holds no hl7v2 defaults.`)
  const { messages, unreadable } = await readSamples(options.from)
  if (messages.length === 0) throw new Error('None of the samples is an HL7 v2 message.')
  const organisation = options.organisation?.toUpperCase() ?? organisationIn(messages)
  if (!organisation) throw new Error('MSH-4 does not say which trust this is: give its ODS code with --organisation.')
  const survey = surveyMessages(messages, defaults, organisation as OdsCode)
  const files = startingFeed(survey, organisation, options.title ?? name, defaults)
  await mkdir(folder)
  try {
    for (const [file, content] of files) await writeFile(path.join(folder, file), content)
    loadTables(settings)
  } catch (cause) {
    await rm(folder, { recursive: true })
    throw cause
  }
  if (options.json) console.log(JSON.stringify({ feed: name, folder, unreadable, ...survey }))
  else for (const line of reportOf(survey, unreadable, folder)) console.log(line)
}

async function readSamples(from: readonly string[]): Promise<{ messages: Message[]; unreadable: number }> {
  const messages: Message[] = []
  let unreadable = 0
  for (const file of (await Promise.all(from.map(filesIn))).flat()) {
    for (const bytes of splitBatch(withoutFrames(await readFile(file))).messages) {
      const message = parseMessage(bytes)
      if (message) messages.push(message)
      else unreadable += 1
    }
  }
  return { messages, unreadable }
}

async function filesIn(place: string): Promise<string[]> {
  if (!(await stat(place)).isDirectory()) return [place]
  const found = await readdir(place, { recursive: true, withFileTypes: true })
  return found
    .filter(entry => entry.isFile() && !entry.name.startsWith('.') && !/\.(json|csv|md)$/i.test(entry.name))
    .map(entry => path.join(entry.parentPath, entry.name))
    .sort()
}

/** MSH-4 as a site's ODS code begins with that of its trust. */
function organisationIn(messages: readonly Message[]): string | undefined {
  const trusts = messages.map(({ header }) => /^(R[A-Z0-9]{2})(?:\d{2})?$/.exec(header.sendingFacility.trim())?.[1])
  return trusts.find(trust => trust !== undefined)
}

function reportOf(survey: FeedSurvey, unreadable: number, folder: string): string[] {
  const { words, codes } = survey
  const open = [
    ...words
      .filter(word => word.isAsked && word.meaning === undefined)
      .map(one => `  ${one.where.padEnd(10)} ${one.word}  ×${one.count}  → ${folder}/values.csv, ${one.table}`),
    ...codes
      .filter(code => code.isAsked && code.concept === undefined)
      .map(
        one =>
          `  ${one.where.padEnd(10)} ${one.code} ${one.display} (${one.system || 'no system'})  ×${one.count}  → ${folder}/codes.csv`,
      ),
  ]
  const foreign = survey.identifiers.filter(met => !met.isUsed)
  return [
    `${survey.messages} messages${unreadable > 0 ? `, ${unreadable} unreadable` : ''}`,
    open.length > 0
      ? `No meaning yet (${open.length}): fill in the empty cells`
      : 'Every word and code the audit asks for has a meaning',
    ...open,
    ...section('Found wrong', survey.issues),
    ...section('Message types', survey.types, 'kept, not interpreted'),
    ...section('Segments', survey.segments, "the sender's own, not read"),
    ...section('Senders (MSH-3)', survey.applications),
    ...section('Facilities (MSH-4)', survey.facilities),
    ...section('Who numbers patients (CX-4^CX-5); the others than the NHS', foreign),
    ...section('Dates', survey.dates, 'unreadable'),
    ...section('Character sets', survey.charsets, 'mislabelled: name the right one as charset at enrolment'),
    ...section('Versions', survey.versions),
    'Words with a meaning',
    ...words
      .filter(word => word.meaning !== undefined)
      .map(one => `  ${one.where.padEnd(10)} ${one.word} = ${one.meaning}  ×${one.count}`),
    'Words not in any table, where few are of interest (wards, specialties)',
    ...words
      .filter(word => !word.isAsked && word.meaning === undefined)
      .map(one => `  ${one.where.padEnd(10)} ${one.word}  ×${one.count}`),
    'Codes with a meaning',
    ...codes
      .filter(code => code.concept !== undefined)
      .map(one => `  ${one.where.padEnd(10)} ${one.system} ${one.code} = ${one.concept}  ×${one.count}`),
    `Written: ${folder} (loads). Next: fill in what is open, restart the service or run flsdb replay, then flsdb feed add.`,
  ]
}

function section(title: string, met: readonly Met[], otherwise = ''): string[] {
  if (met.length === 0) return []
  return [
    title,
    ...met.map(one => `  ${one.what}  ×${one.count}${one.isUsed || otherwise === '' ? '' : `  (${otherwise})`}`),
  ]
}
