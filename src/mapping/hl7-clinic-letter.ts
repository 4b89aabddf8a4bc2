import type { Reader } from './reader.ts'
import { nothing } from './reader.ts'

const inWords = /\bfracture[\s-]+liaison\b|\bFLS\b/i

/**
 * Which clinic wrote a letter, as the coding `clinic-letter|<clinic>`: a component of TXA-2, the title (TXA-16), OBX-3 or the clinic of the visit that
 * the value table `clinic` knows, or the words "fracture liaison" or "FLS" in one of them. Nothing when none of them says so: the text of the
 * letter is never read for it.
 */
export const hl7ClinicLetter: Reader = {
  gives: 'codings',
  read: (found, env) => {
    const clinics = env.values.get('clinic')
    for (const value of found) {
      const parts = value.part
        ? [1, 2, 4, 5].map(component => value.part?.(component).trim() ?? '')
        : [value.text.trim()]
      const clinic =
        parts.map(part => clinics?.get(part.toUpperCase())).find(known => known !== undefined) ??
        (parts.some(part => inWords.test(part)) ? 'fls' : undefined)
      if (clinic !== undefined) return { value: [{ system: 'clinic-letter', code: clinic }], where: value.where }
    }
    return nothing
  },
}
