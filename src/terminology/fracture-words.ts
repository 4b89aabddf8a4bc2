import type { DocumentDetail } from '../fls/fact.ts'

export type Mention = NonNullable<DocumentDetail['mention']>

/** Longest phrases first within a bone, so that "distal radius" is not read as "radius". */
const sitePhrases: readonly (readonly [phrase: RegExp, site: string])[] = [
  [/\bsub-?trochanteric/, 'hip.subtrochanteric'],
  [/\b(inter|per)-?trochanteric|\b(greater|lesser) trochanter/, 'hip.trochanteric'],
  [
    /\bsub-?capital|\bintra-?capsular|\btranscervical|\bbasi-?cervical|\bfemoral head|\bhead of (the )?femur/,
    'hip.intracapsular',
  ],
  [/\bneck of (the )?(left |right |l |r )?femur|\bfemoral neck|#? ?\bnof\b/, 'hip.neck'],
  [/\bproximal femur|\bproximal femoral|\bhips?\b/, 'hip.unspecified'],
  [/\bdistal femur|\bdistal femoral|\bsupracondylar fracture of (the )?femur|\bfemoral condyle/, 'femur.distal'],
  [/\bfemoral shaft|\bshaft of (the )?femur|\bfemoral diaphys/, 'femur.shaft'],
  [/\bfemur|\bfemoral/, 'femur.unspecified'],
  [
    /\bdistal radi(us|al)|\bdistal (radius and ulna|radioulnar)|\bcolles|\bsmith'?s|\bbarton'?s|\bulnar styloid|\bradial styloid|\bwrist/,
    'wrist',
  ],
  [/\bolecranon|\bradial head|\bradial neck|\bproximal (ulna|radius)|\bcoronoid|\belbow/, 'elbow'],
  [/\b(radial|ulnar|ulna|radius|forearm) (shaft|diaphys)|\bshaft of (the )?(radius|ulna)/, 'forearm.shaft'],
  [/\bforearm|\bradius|\bulna\b/, 'forearm.unspecified'],
  [
    /\bproximal humer(us|al)|\b(surgical|anatomical) neck of (the )?humerus|\bhumeral (head|neck)|\b(greater|lesser) tuberosity|\bneck of (the )?humerus/,
    'humerus.proximal',
  ],
  [/\bhumeral shaft|\bshaft of (the )?humerus|\bmid-?shaft humer/, 'humerus.shaft'],
  [/\bdistal humer(us|al)|\bsupracondylar humer|\bepicondyle/, 'humerus.distal'],
  [/\bhumerus|\bhumeral/, 'humerus.unspecified'],
  [/\bclavic(le|ular)/, 'clavicle'],
  [/\bscapula|\bglenoid|\bacromion/, 'scapula'],
  [/\bshoulder/, 'shoulder.unspecified'],
  [/\b(pubic|superior and inferior|superior|inferior) ram(us|i)|\bpubic bone|\bpubis/, 'pelvis.pubic_ramus'],
  [/\bacetabul/, 'pelvis.acetabulum'],
  [/\bsacr(um|al)\b/, 'pelvis.sacrum'],
  [/\bcoccy/, 'pelvis.coccyx'],
  [/\biliac (wing|crest|blade)|\bilium/, 'pelvis.ilium'],
  [/\bpelvi(s|c)\b/, 'pelvis.unspecified'],
  [/\b(c[1-7]|cervical (spine|vertebra[el]?)|odontoid|dens)\b/, 'spine.cervical'],
  [/\b(t([1-9]|1[0-2])|d([1-9]|1[0-2])|(thoracic|dorsal) (spine|vertebra[el]?))\b/, 'spine.thoracic'],
  [/\b(l[1-5]|lumbar (spine|vertebra[el]?))\b/, 'spine.lumbar'],
  [/\bvertebra|\bspin(e|al)\b/, 'spine.unspecified'],
  [/\bribs?\b/, 'rib'],
  [/\bstern(um|al)\b/, 'sternum'],
  [/\b(tibial plateau|proximal tibia)/, 'tibia_fibula.proximal'],
  [/\b(distal tibia|tibial plafond|pilon)/, 'tibia_fibula.distal'],
  [/\b(medial|lateral|posterior|bi|tri)-?\s?malleol|\bmalleol|\bweber|\bankle/, 'ankle'],
  [/\btibia/, 'tibia_fibula.unspecified'],
  [/\bfibula/, 'tibia_fibula.fibula'],
  [/\bpatella/, 'patella'],
  [/\bknee/, 'knee.unspecified'],
  [/\b(calcane(us|um|al)|metatarsal|tarsal|talus|navicular|cuboid|foot)\b/, 'foot'],
  [/\b(scaphoid|metacarpal|carpal|hamate|triquetr|hand)\b/, 'hand'],
  [/\b(finger|thumb)\b/, 'finger'],
  [/\b(toe|hallux)\b/, 'toe'],
  [/\b(skull|mandib|maxill|zygoma|orbit|nasal|facial)/, 'skull_face'],
]

const fractureWord =
  /#|\bfracture[sd]?\b|\bfract\b|\bfx\b|\bbroken\b|\b(wedge|compression|vertebral|osteoporotic) (collapse|compression)|\bwedge (compression|fracture|deformity)|\bcompression deformit|\bcollapse of (the )?[a-z0-9]* ?(vertebra|body)|\bvertebral body collapse/
const negation = /\b(no|not|without|nor|negative for|excluded|exclude|absence of|free of|resolved|rather than)\b/
const affirmation = /\b(but|however|although|there is|with)\b/
const elsewhere =
  /\b(old|previous|prior|healed|healing|united|malunited|longstanding|long-standing|chronic|past history|known)\b/
const question =
  /\?|\b(query|suspected|possible|clinical (history|details|information|indication)|indication|history|reason for|request)\b/
const fixation = /\b(fracture (clinic|risk|liaison|prevention))\b/g

/**
 * Where a report may speak of a fracture: one mention per site, positives first, in order of the text; `ordinal` counts from 1. Questions of the
 * requester ("? fracture", "clinical details"), old and healed fractures are no mention. A negated one ("no evidence of fracture") says so.
 * A candidate for a human reader: it never founds a fracture (decisions.md 2.2).
 */
export function mentionIn(text: string, ordinal = 1): Mention | undefined {
  return mentionsIn(text)[ordinal - 1]
}

export function mentionsIn(text: string): readonly Mention[] {
  const found = new Map<string, boolean>()
  for (const sentence of withoutRequest(sentencesOf(text))) {
    for (const mention of mentionsOf(sentence.replace(fixation, ' '))) {
      found.set(mention.site, (found.get(mention.site) ?? true) && mention.isNegated)
    }
  }
  // "Fracture" without a bone says nothing more where another sentence names the bone.
  if (found.size > 1) found.delete('unspecified')
  const mentions = [...found].map(([site, isNegated]) => ({ site, isNegated }))
  return [...mentions.filter(mention => !mention.isNegated), ...mentions.filter(mention => mention.isNegated)]
}

const requestHeading =
  /^(clinical (history|details|information|indications?)|history|indications?|reason for (exam(ination)?|request))\b\s*:?/
const reportHeading = /^(report|findings?|conclusions?|impression|opinion)\b\s*:/

/**
 * What the requester wrote is no finding: everything from "Clinical details" up to "Report:", or, without such a heading, its own sentence (the
 * next one when the heading stands alone).
 */
function withoutRequest(sentences: readonly string[]): readonly string[] {
  const kept: string[] = []
  for (let at = 0; at < sentences.length; at++) {
    const sentence = sentences[at] ?? ''
    const heading = requestHeading.exec(sentence)
    if (!heading) {
      kept.push(sentence)
      continue
    }
    const report = sentences.findIndex((later, index) => index > at && reportHeading.test(later))
    if (report > at) at = report - 1
    else if (heading[0].length === sentence.length) at += 1
  }
  return kept
}

function sentencesOf(text: string): readonly string[] {
  return text
    .toLowerCase()
    .split(/(?<=[.;!])\s+|\r|\n|\\\.br\\/)
    .map(sentence => sentence.trim())
    .filter(sentence => sentence !== '')
}

function mentionsOf(sentence: string): readonly Mention[] {
  const match = fractureWord.exec(sentence)
  if (!match) return []
  const before = sentence.slice(0, match.index)
  const clause = before.split(affirmation).at(-1) ?? before
  if (question.test(sentence) || elsewhere.test(clause)) return []
  const after = sentence.slice(match.index)
  const isNegated =
    negation.test(clause) || /\b(not seen|not identified|not demonstrated|excluded|no longer)\b/.test(after)
  const sites = sitesIn(sentence)
  return (sites.length > 0 ? sites : ['unspecified']).map(site => ({ site, isNegated }))
}

function sitesIn(sentence: string): readonly string[] {
  let rest = sentence
  const sites: string[] = []
  for (const [phrase, site] of sitePhrases) {
    if (!phrase.test(rest)) continue
    sites.push(site)
    rest = rest.replace(new RegExp(phrase.source, 'g'), ' ')
  }
  return sites
}
