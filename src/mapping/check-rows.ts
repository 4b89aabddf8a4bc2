import { requiredAttributes } from './assemble.ts'
import { attributes, statesOf } from './attributes.ts'
import { conditions } from './conditions.ts'
import { readers } from './readers.ts'
import { kindOf, type MappingRow } from './table.ts'
import type { FeedTables } from './tables.ts'

/** Everything wrong with the rows of a feed, with file, row and column. */
export function checkRows(feed: FeedTables): readonly string[] {
  const declared = new Map(feed.rows.filter(row => row.to === 'fact').map(row => [row.fact, row]))
  const ids = new Map<string, string>()
  return feed.rows.flatMap(row => {
    const earlier = ids.get(row.row)
    ids.set(row.row, row.at)
    const twice = earlier ? [`${row.at}, row: id stands already at ${earlier}`] : []
    const own = row.to === 'fact' ? checkDeclaration(row, feed) : checkValueRow(row, feed, declared.has(row.fact))
    return [...twice, ...own, ...checkConditions(row)]
  })
}

function checkDeclaration(row: MappingRow, feed: FeedTables): readonly string[] {
  const kind = kindOf(row.fact)
  if (!kind) return [`${row.at}, fact: no such kind of fact`]
  if (row.each === '') return [`${row.at}, each: a fact needs a place to look`]
  const filled = new Set(feed.rows.filter(other => other.fact === row.fact).map(other => other.to))
  const missing = (requiredAttributes[kind] ?? []).filter(path => !filled.has(path))
  return missing.map(path => `${row.at}, fact: no row fills ${path}`)
}

function checkValueRow(row: MappingRow, feed: FeedTables, isDeclared: boolean): readonly string[] {
  const faults: string[] = []
  const kind = kindOf(row.fact)
  const attribute = attributes.get(row.to)
  const reader = row.reader ? readers.get(row.reader.name) : undefined
  if (row.row === '') faults.push(`${row.at}, row: empty`)
  if (!isDeclared) faults.push(`${row.at}, fact: never declared by a row with to = fact`)
  if (!attribute) faults.push(`${row.at}, to: no such attribute`)
  else if (attribute.kinds !== 'all' && (!kind || !attribute.kinds.includes(kind)))
    faults.push(`${row.at}, to: not of this kind of fact`)
  if (!reader) faults.push(`${row.at}, reader: no such reader`)
  if (!attribute || !reader || !row.reader) return faults
  if (!(reader.gives === 'nothing' ? attribute.isNullable : fits(reader.gives, attribute.takes)))
    faults.push(`${row.at}, reader: gives ${reader.gives}, ${row.to} takes ${attribute.takes}`)
  if (reader.needsFound !== false && row.from.length === 0) faults.push(`${row.at}, from: the reader needs a path`)
  if (reader.argument === 'required' && row.reader.argument === '') faults.push(`${row.at}, reader: needs an argument`)
  if (!reader.argument && row.reader.argument !== '') faults.push(`${row.at}, reader: takes no argument`)
  return [...faults, ...checkWords(row, feed)]
}

/** A word may stand where text is taken, never the other way round. */
function fits(gives: string, takes: string): boolean {
  return gives === takes || (gives === 'word' && takes === 'text')
}

function checkWords(row: MappingRow, feed: FeedTables): readonly string[] {
  const kind = kindOf(row.fact)
  const allowed = (row.to === 'detail.state' && kind ? statesOf[kind] : undefined) ?? attributes.get(row.to)?.words
  const name = row.reader?.name
  const faults: string[] = []
  const given: string[] = []
  if (name === 'constant' || name === 'if-found') given.push(row.reader?.argument ?? '')
  if (name === 'word' || name === 'word-text') {
    if (row.lookup.length === 0) faults.push(`${row.at}, lookup: the reader needs a value table`)
    for (const table of row.lookup) {
      const words = feed.values.get(table)
      if (!words) faults.push(`${row.at}, lookup: no value table ${table}`)
      given.push(...(words?.values() ?? []))
    }
    if (name === 'word' && row.reader?.argument && row.reader.argument !== '-') given.push(row.reader.argument)
  }
  if (!allowed) return faults
  const strange = given.filter(word => !allowed.includes(word))
  return [...faults, ...strange.map(word => `${row.at}, ${row.to}: ${word} is not on its list`)]
}

function checkConditions(row: MappingRow): readonly string[] {
  return row.when
    .filter(call => !conditions.has(call.name))
    .map(call => `${row.at}, when: no such condition ${call.name}`)
}
