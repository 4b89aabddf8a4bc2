import { type Db, MongoClient } from 'mongodb'
import type { ResourceIndex } from './resource-index.ts'
import type { VersionClaims } from './version-claims.ts'

/** The database of checks that keep nothing: an index that knows no resource, and a handle that connects to nobody. */
export function unreachableStore(): {
  readonly db: Db
  readonly resources: ResourceIndex
  readonly claims: VersionClaims
} {
  return {
    db: new MongoClient('mongodb://offline.invalid').db('offline'),
    resources: {
      lookUp: async () => ({ byKey: () => undefined, byIdentifier: () => [] }),
      add: async () => undefined,
    },
    claims: { claim: async () => true, release: async () => undefined },
  }
}
