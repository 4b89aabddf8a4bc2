import type { ChunkMeta } from '../../mapping/extract-chunk.ts'
import type { FileRole } from '../../mapping/extract-tables.ts'
import type { Arrival } from '../arrival.ts'
import type { Declaration } from './declaration.ts'
import type { KnownFile } from './recognise.ts'
import { plainName } from './spool.ts'
import { rawRows } from './survey.ts'

/** Who sends it; from the token, never from the files. */
export type ExtractSender = { readonly sender: string; readonly mapping?: string }

const order: readonly FileRole[] = ['manifest', 'organisation', 'agreement', 'coding', 'patient', 'entries', 'rows']

/** Code tables before what needs them, patients before their rows; files nobody uses and tables the door read already are not kept. */
export function filesInOrder(files: readonly KnownFile[]): readonly KnownFile[] {
  return files
    .filter(file => ['coding', 'patient', 'rows', 'entries'].includes(file.kind.role))
    .sort((a, b) => order.indexOf(a.kind.role) - order.indexOf(b.kind.role) || (a.file.sha256 < b.file.sha256 ? -1 : 1))
}

/** An extract as arrivals: whole rows, exactly as sent, at most `mostBytes` each unless one row is longer. */
export async function* chunksOf(
  files: readonly KnownFile[],
  declared: Declaration,
  from: ExtractSender,
  mostBytes: number,
): AsyncGenerator<Arrival> {
  for (const file of filesInOrder(files)) {
    let pieces: Buffer[] = []
    let bytes = 0
    let first = 0
    let next = 0
    let ordinal = 0
    for await (const row of rawRows(file)) {
      // A left-out empty line ends the chunk too, so that row numbers stay true.
      if (bytes > 0 && (bytes + row.bytes.length > mostBytes || row.number !== next)) {
        yield arrivalOf(file, declared, from, { bytes: Buffer.concat(pieces), first, ordinal: ordinal++ })
        pieces = []
        bytes = 0
      }
      if (bytes === 0) first = row.number
      pieces.push(row.bytes)
      next = row.number + 1
      bytes += row.bytes.length
    }
    if (bytes > 0) yield arrivalOf(file, declared, from, { bytes: Buffer.concat(pieces), first, ordinal })
  }
}

type Chunk = { readonly bytes: Buffer; readonly first: number; readonly ordinal: number }

function arrivalOf(file: KnownFile, declared: Declaration, from: ExtractSender, chunk: Chunk): Arrival {
  const { practice, extractId, mode, asOf, organisationId, hold } = declared
  const meta: ChunkMeta = {
    shape: file.kind.shape,
    file: file.kind.file,
    fileName: plainName(file.file.name),
    encoding: file.encoding,
    ...(file.shape.kind === 'csv' ? { delimiter: file.shape.delimiter } : {}),
    header: file.header,
    rowsBefore: chunk.first - 1,
    extractId,
    mode,
    asOf,
    ...(organisationId ? { organisationId } : {}),
    ...(hold ? { hold } : {}),
  }
  return {
    sender: from.sender,
    organisation: practice,
    side: 'gp',
    protocol: 'extract',
    // The same bytes sent again with a declaration that agrees are another arrival.
    controlId: `${extractId}/${plainName(file.file.name)}/${chunk.ordinal}${hold ? '/held' : ''}`,
    type: `${file.kind.shape}/${file.kind.file}`,
    bytes: chunk.bytes,
    practice,
    meta: { ...meta, ...(from.mapping ? { mapping: from.mapping } : {}) },
  }
}
