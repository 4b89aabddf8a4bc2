/** Upper case, no `urn:oid:`, no version or edition behind the URI: the form aliases are compared in. */
export function aliasKey(system: string): string {
  const plain = system
    .trim()
    .toUpperCase()
    .replace(/^URN:OID:/, '')
  const withoutVersion = plain.split('|')[0] ?? ''
  return withoutVersion.replace(/^(HTTPS?:\/\/SNOMED\.INFO\/SCT)\/.*$/, '$1').replace(/\/+$/, '')
}

/**
 * Our short name of a code system from any spelling we know (URI, OID, HL7 table 0396, habits of UK senders); undefined for a local system.
 * The system is told, never guessed from the shape of a code: Read chapter S and ICD-10 chapter S look alike and mean other things.
 */
export function systemOf(system: string, aliases: ReadonlyMap<string, string>): string | undefined {
  return aliases.get(aliasKey(system))
}
