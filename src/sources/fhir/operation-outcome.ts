import type { OperationOutcome, OperationOutcomeIssue } from 'fhir/r4.js'
import { describeIssue, type Issue, type IssueCode } from '../../fls/issue.ts'

/** Our own code system of issues. */
export const issueSystem = 'https://fls-db.org.uk/fhir/CodeSystem/issue'
/** NHS England's API error and warning codes (fhir.md 5.3). */
export const nhsErrorSystem = 'https://fhir.nhs.uk/CodeSystem/NHSD-API-ErrorOrWarningCode'

type IssueType = OperationOutcomeIssue['code']
type Told = { readonly type: IssueType; readonly nhs: string }

const invalid: Told = { type: 'invalid', nhs: 'INVALID_VALUE' }
const value: Told = { type: 'value', nhs: 'INVALID_VALUE' }
const structure: Told = { type: 'structure', nhs: 'INVALID_VALUE' }
const missing: Told = { type: 'required', nhs: 'MISSING_VALUE' }
const codeInvalid: Told = { type: 'code-invalid', nhs: 'INVALID_CODE_VALUE' }
const rule: Told = { type: 'business-rule', nhs: 'BUSINESS_RULE' }

/** FHIR issue type and NHS England code of our issue codes; those not listed are `invalid`, information is `informational`. */
const told: Readonly<Partial<Record<IssueCode, Told>>> = {
  'json-invalid': { type: 'structure', nhs: 'INVALID_MESSAGE' },
  'json-duplicate-key': structure,
  'json-too-deep': { type: 'too-long', nhs: 'INVALID_MESSAGE' },
  'json-key-refused': structure,
  'payload-too-large': { type: 'too-long', nhs: 'PAYLOAD_TOO_LARGE' },
  'structure-invalid': structure,
  'element-unknown': structure,
  'element-required': missing,
  'element-empty': structure,
  'unreadable-date': value,
  'date-after-receipt': value,
  'value-not-numeric': value,
  'value-out-of-range': value,
  'resource-type-wrong': structure,
  'profile-unknown': { type: 'not-supported', nhs: 'UNSUPPORTED_SERVICE' },
  'resource-type-unknown': { type: 'not-supported', nhs: 'UNSUPPORTED_SERVICE' },
  'resource-not-used': { type: 'informational', nhs: 'UNSUPPORTED_SERVICE' },
  'interaction-not-supported': { type: 'not-supported', nhs: 'METHOD_NOT_ALLOWED' },
  'parameter-not-supported': { type: 'not-supported', nhs: 'INVALID_PARAMETER' },
  'parameter-invalid': { type: 'value', nhs: 'INVALID_PARAMETER' },
  'media-type-not-supported': { type: 'not-supported', nhs: 'UNSUPPORTED_MEDIA_TYPE' },
  'bundle-duplicate-identity': { type: 'duplicate', nhs: 'DUPLICATE_VALUE' },
  'multiple-matches': { type: 'multiple-matches', nhs: 'MULTIPLE_VALUES' },
  'version-conflict': { type: 'conflict', nhs: 'RESOURCE_VERSION_MISMATCH' },
  'version-required': { type: 'required', nhs: 'PRECONDITION_FAILED' },
  'not-found': { type: 'not-found', nhs: 'RESOURCE_NOT_FOUND' },
  gone: { type: 'deleted', nhs: 'RESOURCE_NOT_FOUND' },
  unauthenticated: { type: 'login', nhs: 'ACCESS_DENIED' },
  forbidden: { type: 'forbidden', nhs: 'ACCESS_DENIED' },
  'practice-closed': { type: 'forbidden', nhs: 'ACCESS_DENIED' },
  'too-many-requests': { type: 'throttled', nhs: 'THROTTLED' },
  'storage-uncertain': { type: 'transient', nhs: 'SERVICE_UNAVAILABLE' },
  'internal-error': { type: 'exception', nhs: 'INTERNAL_SERVER_ERROR' },
  'reference-unresolved': { type: 'not-found', nhs: 'REFERENCE_NOT_FOUND' },
  'patient-missing': missing,
  'code-missing': missing,
  'code-unknown': codeInvalid,
  'code-system-unknown': codeInvalid,
  'nhs-number-invalid': { type: 'value', nhs: 'INVALID_NHS_NUMBER' },
  'nhs-number-test-range': { type: 'value', nhs: 'INVALID_NHS_NUMBER' },
  'nhs-number-placeholder': { type: 'value', nhs: 'INVALID_NHS_NUMBER' },
  'nhs-numbers-conflict': { type: 'conflict', nhs: 'INVALID_NHS_NUMBER' },
  'submission-ended': { type: 'conflict', nhs: 'INVALID_VALUE' },
  'extract-not-declared': missing,
  'practice-disagrees': rule,
  'questionnaire-unknown': { type: 'not-found', nhs: 'REFERENCE_NOT_FOUND' },
  'questionnaire-not-active': rule,
  'item-unknown': structure,
  'item-misplaced': structure,
  'item-order': structure,
  'item-disabled': rule,
  'item-required': missing,
  'item-too-few': { type: 'invariant', nhs: 'INVALID_VALUE' },
  'item-too-many': { type: 'invariant', nhs: 'INVALID_VALUE' },
  'answer-type': structure,
  'answer-not-allowed': structure,
  'word-not-allowed': codeInvalid,
  'answer-exclusive': rule,
  'answer-precision': value,
  'answer-length': { type: 'too-long', nhs: 'INVALID_VALUE' },
  'answer-pattern': { type: 'invariant', nhs: 'INVALID_VALUE' },
  'value-set-unresolved': { type: 'not-supported', nhs: 'UNSUPPORTED_SERVICE' },
  'unit-not-comparable': value,
}

/**
 * THE form of issues on `/fhir`: type, our code, the NHS code, our sentence in `details.text` (after the linkId of the question it is about), what to do in `diagnostics`, the place in
 * `expression`. Holds no value from a record. An empty list is told as one informational "all ok".
 */
export function operationOutcome(issues: readonly Issue[]): OperationOutcome {
  if (issues.length === 0) {
    return {
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'information', code: 'informational', details: { text: 'No issues.' } }],
    }
  }
  return { resourceType: 'OperationOutcome', issue: issues.map(outcomeIssue) }
}

function outcomeIssue(found: Issue): OperationOutcomeIssue {
  const { type, nhs } = told[found.code] ?? invalid
  const { text, fix, severity, where, code, item } = describeIssue(found)
  return {
    severity,
    code: severity === 'information' ? 'informational' : type,
    details: {
      coding: [
        { system: issueSystem, code },
        { system: nhsErrorSystem, code: nhs },
      ],
      text: item ? `${item}: ${text}` : text,
    },
    diagnostics: fix,
    ...(where === '' ? {} : { expression: [where] }),
  }
}
