// Spreads the collections that grow over the shards of a MongoDB cluster: mongosh "$MONGODB_URI" ops/sharding.js
// Run once by a cluster administrator, before the first message or on a live database; again changes nothing. FLSDB_DATABASE names the database.
// Everything that is not named here (registers, counters, jobs, code tables) is small and stays on the database's primary shard.
const database = process.env.FLSDB_DATABASE || 'flsdb'
const byId = { _id: 'hashed' }

const shardKeys = {
  // Arrivals and what they were cut in, by their idempotency key: writes spread evenly whoever sends.
  inbox: byId,
  inboxChunks: byId,
  // Of one patient as one authority knows them: every solve asks for all facts of a record.
  facts: { record: 'hashed' },
  records: byId,
  persons: byId,
  episodes: byId,
  reviews: byId,
  tombstones: byId,
  // Resources by our id, what a FHIR read asks for.
  resources: byId,
}

sh.enableSharding(database)
for (const [name, key] of Object.entries(shardKeys)) {
  const collection = db.getSiblingDB(database).getCollection(name)
  collection.createIndex(key)
  sh.shardCollection(`${database}.${name}`, key)
}
