import type { Db } from 'mongodb'

/** What retention did, in `control`: when it ran last, and when anything expired last. What expired is counted in the inbox: stubs remain. */
export type RetentionDocument = { _id: 'retention'; ranAt?: Date; expiredAt?: Date }

export const retentionLog = (db: Db) => db.collection<RetentionDocument>('control')

/** When anything expired last; undefined = never. */
export async function lastRetention(db: Db): Promise<Date | undefined> {
  return (await retentionLog(db).findOne({ _id: 'retention' }))?.expiredAt
}

export async function readRetention(db: Db): Promise<Omit<RetentionDocument, '_id'>> {
  return (await retentionLog(db).findOne({ _id: 'retention' })) ?? {}
}
