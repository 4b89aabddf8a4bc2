import type { Rule } from './derive.ts'
import {
  assessmentRule,
  contactRule,
  followUpDateRule,
  followUpDoneRule,
  strengthBalanceRule,
} from './derive-contact.ts'
import { dxaDateRule, dxaNotOrderedRule, dxaStatusRule, lowestTScoreRule } from './derive-dxa.ts'
import { admittedRule, careHomeRule } from './derive-encounter.ts'
import { fallsAssessedRule, fallsReferralsRule, repeatedFallsRule } from './derive-falls.ts'
import {
  fractureDateRule,
  fractureTypeRule,
  previousFractureRule,
  refractureCountRule,
  refractureRule,
  siteRule,
} from './derive-fracture.ts'
import { birthDateRule, deathRule, nhsNumberRule, postcodeRule, sexRule } from './derive-identity.ts'
import { heightRule, parentHipFractureRule, smokingRule, weightRule } from './derive-risk.ts'
import {
  calciumAtFollowUpRule,
  calciumRule,
  priorTherapyRule,
  recommendedRule,
  therapyAtFollowUpRule,
} from './derive-therapy.ts'

/** The closed registry of derivations (Decision 2.1). items.ts names them; an origin carries the name as its `rule`. */
export const rules = {
  'body.height': heightRule,
  'body.weight': weightRule,
  'dxa.date': dxaDateRule,
  'dxa.lowest-hip-spine': lowestTScoreRule,
  'dxa.not-ordered': dxaNotOrderedRule,
  'dxa.status': dxaStatusRule,
  'encounter.admitted': admittedRule,
  'falls.assessed': fallsAssessedRule,
  'falls.referrals': fallsReferralsRule,
  'falls.repeated': repeatedFallsRule,
  'fls.assessment': assessmentRule,
  'fls.contact': contactRule,
  'follow-up.calcium-vitamin-d': calciumAtFollowUpRule,
  'follow-up.date': followUpDateRule,
  'follow-up.done': followUpDoneRule,
  'follow-up.strength-balance': strengthBalanceRule,
  'follow-up.therapy': therapyAtFollowUpRule,
  'fracture.date': fractureDateRule,
  'fracture.first-site': siteRule(0),
  'fracture.previous': previousFractureRule,
  'fracture.second-site': siteRule(1),
  'fracture.third-site': siteRule(2),
  'fracture.type': fractureTypeRule,
  'identity.birth-date': birthDateRule,
  'identity.death': deathRule,
  'identity.nhs-number': nhsNumberRule,
  'identity.postcode': postcodeRule,
  'identity.sex': sexRule,
  'refracture.count': refractureCountRule,
  'refracture.first': refractureRule(0),
  'refracture.second': refractureRule(1),
  'refracture.third': refractureRule(2),
  'residence.care-home': careHomeRule,
  'risk.parent-hip-fracture': parentHipFractureRule,
  'risk.smoking': smokingRule,
  'therapy.at-fracture': priorTherapyRule,
  'therapy.calcium-vitamin-d': calciumRule,
  'therapy.recommended': recommendedRule,
} as const satisfies Record<string, Rule>

export type RuleName = keyof typeof rules
