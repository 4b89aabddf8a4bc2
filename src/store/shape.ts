import type { Db } from 'mongodb'

/**
 * Shapes of what cannot be rebuilt, as this release writes them: a release reads these and every earlier one. Raised when an older release
 * could no longer read what a newer one writes. What a replay rebuilds needs none.
 */
export const shapes = { inbox: 1, registers: 1 } as const
export type Shapes = { readonly [part in keyof typeof shapes]: number }

/** The data were written by a newer release. `message` says which part and what to do. */
export class NewerShape extends Error {
  readonly code = 'newer-shape'
}

type ShapeDocument = { _id: 'shape' } & { [part in keyof typeof shapes]?: number }
const controls = (db: Db) => db.collection<ShapeDocument>('control')

/** Throws `NewerShape` when any part is beyond what this release knows; a part that is not named counts as the first. */
export function refuseNewer(found: Partial<Shapes>, where: string): void {
  for (const [part, known] of Object.entries(shapes)) {
    const version = found[part as keyof Shapes] ?? 1
    if (version > known)
      throw new NewerShape(
        `${where}: the ${part} has shape ${version}, this release knows up to ${known}. Nothing was changed. Start the release that wrote it, or a newer one.`,
      )
  }
}

/** Reads what wrote this database last, refuses what is newer, and notes the shapes of this release. */
export async function adoptShapes(db: Db): Promise<void> {
  const found = await controls(db).findOne({ _id: 'shape' })
  refuseNewer(found ?? {}, `Database ${db.databaseName}`)
  await controls(db).updateOne({ _id: 'shape' }, { $set: { ...shapes } }, { upsert: true })
}
