import { joinPath } from './strict-json.ts'

/** A place in a resource as steps from its root; written out only for findings, since most walks find nothing. */
export type Place = string | { readonly within: Place; readonly step: string | number }

/** FHIRPath of a place: `Patient.name[0]`. */
export function pathOf(place: Place): string {
  if (typeof place === 'string') return place
  const { within, step } = place
  return typeof step === 'number' ? `${pathOf(within)}[${step}]` : joinPath(pathOf(within), step)
}
