/** One defect planted from outside into one line of the product as it is loaded; the product itself knows nothing of it. */
export type Fault = {
  /** Source file below `src`. */
  readonly file: string
  /** Found exactly once, or the process ends: a defect that was not planted would pass for one that was missed. */
  readonly find: RegExp
  readonly replace: string
}

/** The defects a ledger harness must catch to be trusted (trust.md 8.1). */
export const faults = {
  'acknowledge-before-insert': {
    file: 'store/inbox-insert.ts',
    find: /(export async function insertGroup\([^{]*\{\n)/,
    replace:
      "$1  setTimeout(() => void send(store, documents), 150)\n  if (documents.length > 0) return documents.map(() => 'kept')\n",
  },
  'one-member-is-enough': {
    file: 'store/inbox-insert.ts',
    find: /w: 'majority', j: true/,
    replace: 'w: 1, j: false',
  },
  'write-concern-error-swallowed': {
    file: 'store/inbox-insert.ts',
    find: /addsUp && !answer\['writeConcernError'\]/,
    replace: 'addsUp',
  },
  'random-key': {
    file: 'store/inbox.ts',
    find: /(export function inboxIdOf\([^{]*\{\n)/,
    replace: '$1  sha256 = String(Math.random())\n',
  },
  'control-id-alone': {
    file: 'store/inbox.ts',
    find: /(export function inboxIdOf\([^{]*\{\n)/,
    replace: "$1  sha256 = ''\n",
  },
  'buffer-dropped-on-a-chunk': {
    file: 'sources/hl7v2/framer.ts',
    find: /(push\(chunk: Buffer\): void \{\n)/,
    replace: '$1    this.#size = 0\n',
  },
} as const satisfies Record<string, Fault>

export type FaultName = keyof typeof faults

export function isFaultName(name: string): name is FaultName {
  return name in faults
}
