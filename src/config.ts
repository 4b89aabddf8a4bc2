/** Limits of decisions.md 5, one table. Bytes unless the name says otherwise. */
export const limits = {
  mllpMessage: 16 * 1024 * 1024,
  mllpFrameTimeoutMs: 30_000,
  mllpConnections: 256,
  mllpConnectionsPerAddress: 64,
  fhirResource: 2 * 1024 * 1024,
  fhirBundle: 20 * 1024 * 1024,
  fhirBundleEntries: 1_000,
  jsonDepth: 64,
  extract: 1024 * 1024 * 1024,
  extractChunk: 1024 * 1024,
  upload: 20 * 1024 * 1024,
  uploadRows: 50_000,
  inboxBody: 8 * 1024 * 1024,
  shutdownMs: 10_000,
  groupCommitMs: 2,
  groupCommitBytes: 1024 * 1024,
} as const
