/**
 * The closed list of everything FLS-DB can find wrong, and the only texts a sender ever sees. A text names what is wrong, `fix` what to do;
 * neither ever holds a value from a record. Severity is the default one. Sources: gp-extract contract 2.4, SDC validation 2.4, audit rules 2.7.
 */
export const issueCodes = {
  'file-not-recognised': {
    severity: 'error',
    text: 'The kind of file could not be recognised.',
    fix: 'Send the file under its supplier name, or with the published neutral header.',
  },
  'column-missing': {
    severity: 'error',
    text: 'A required column is missing.',
    fix: 'Add the named column; it may be empty only where the contract says so.',
  },
  'column-unknown': {
    severity: 'information',
    text: 'Unknown column.',
    fix: 'We do not use this column. If it is a misspelling, rename it as suggested.',
  },
  'encoding-not-utf8': { severity: 'warning', text: 'Read as Windows-1252.', fix: 'Export as UTF-8.' },
  'quoting-broken': {
    severity: 'error',
    text: 'Wrong number of cells.',
    fix: 'Put text with commas, quotes or line breaks in double quotes and double inner quotes.',
  },
  'archive-refused': {
    severity: 'error',
    text: 'The archive cannot be accepted.',
    fix: 'Send a plain zip with all its parts: no password, no zip inside, no paths leading outside.',
  },
  'extract-not-declared': {
    severity: 'error',
    text: 'The extract is not declared.',
    fix: 'Say which practice, extract id and mode this is, in the address or a manifest row.',
  },
  'mode-disagrees': {
    severity: 'error',
    text: 'Address, manifest and content disagree on full or delta.',
    fix: 'Send again with one of full or delta.',
  },
  'practice-disagrees': {
    severity: 'error',
    text: 'The row belongs to another practice.',
    fix: 'Send one practice per extract.',
  },
  'extract-reused': {
    severity: 'warning',
    text: 'This extract id came before with other content; both are kept.',
    fix: 'Use a new id next time.',
  },
  'extract-gap': {
    severity: 'warning',
    text: 'The time since the last extract is not covered.',
    fix: 'Send a full extract.',
  },
  'extract-older': {
    severity: 'warning',
    text: 'A newer extract is already in.',
    fix: 'Nothing to do if intended: rows changed since then stay.',
  },
  'sharing-disabled': {
    severity: 'error',
    text: 'The sharing agreement is disabled. Nothing was removed.',
    fix: 'Restore the sharing agreement, or withdraw the practice.',
  },
  'mass-delete-held': {
    severity: 'error',
    text: "Over 5 % of this practice's rows (and over 50) would go; the deletes are held.",
    fix: 'Confirm, or send a complete extract.',
  },
  'not-held': {
    severity: 'error',
    text: 'Nothing of this extract was held for a person.',
    fix: 'See GET /api/extracts for those that were.',
  },
  'submission-ended': {
    severity: 'error',
    text: 'The submission was completed or stopped; nothing can be added to it.',
    fix: 'Begin a new submission under an id of its own.',
  },
  'patients-fewer': {
    severity: 'warning',
    text: 'Far fewer patients than last time.',
    fix: "Check the extract's scope and consent setting.",
  },
  'row-id-missing': { severity: 'error', text: 'The row has no id.', fix: 'Give the id of the entry in your system.' },
  'patient-id-missing': {
    severity: 'error',
    text: 'The row has no patient id.',
    fix: 'Give the id of the patient in your system.',
  },
  'row-id-repeated': {
    severity: 'warning',
    text: 'The id occurs twice in this extract; the row processed last was used.',
    fix: 'Send each row once.',
  },
  'patient-not-seen': {
    severity: 'warning',
    text: 'No patient row has come for this id.',
    fix: 'Send the patient row.',
  },
  'nhs-number-invalid': {
    severity: 'error',
    text: 'The NHS number has a wrong check digit or length; it was not used as an NHS number.',
    fix: 'Correct it at source, or leave it empty.',
  },
  'nhs-number-placeholder': {
    severity: 'warning',
    text: 'A known dummy NHS number.',
    fix: 'Leave the NHS number empty when it is not known.',
  },
  'nhs-number-test-range': {
    severity: 'error',
    text: 'A test-range NHS number.',
    fix: 'Send test-range numbers (999…) to test systems only.',
  },
  'nhs-number-changed': {
    severity: 'warning',
    text: "The patient's NHS number changed.",
    fix: 'Check that the patient id was not given to another person.',
  },
  'nhs-numbers-conflict': {
    severity: 'error',
    text: 'Two different valid NHS numbers in one message; neither was used.',
    fix: 'Send one NHS number per patient.',
  },
  'unreadable-date': {
    severity: 'error',
    text: 'The date cannot be read.',
    fix: 'Write the date in the published format, with a four-digit year.',
  },
  'placeholder-date': {
    severity: 'warning',
    text: 'This date stands for "unknown" in many systems.',
    fix: 'Leave it empty or lower the precision.',
  },
  'precision-disagrees': {
    severity: 'warning',
    text: 'The date is finer than its stated precision; the coarser was used.',
    fix: 'Check the precision.',
  },
  'date-after-receipt': {
    severity: 'warning',
    text: 'The date lies after receipt.',
    fix: 'Check the date; planned events may stay.',
  },
  'date-before-birth': {
    severity: 'error',
    text: 'The date is before the patient was born.',
    fix: 'Check date and patient.',
  },
  'date-after-death': {
    severity: 'warning',
    text: 'The date is after death. Kept, but it opens nothing.',
    fix: 'Check both dates.',
  },
  'recorded-before-event': { severity: 'warning', text: 'Recorded before it happened.', fix: 'Check both dates.' },
  'recorded-missing': {
    severity: 'warning',
    text: 'The recording date is missing.',
    fix: 'Give the date of typing; without it late coding cannot be told.',
  },
  'code-missing': { severity: 'error', text: 'No code.', fix: 'Give a code, or for a medicine at least its name.' },
  'code-system-unknown': {
    severity: 'error',
    text: 'The code system is not known.',
    fix: 'Use one of the published code systems.',
  },
  'word-not-allowed': {
    severity: 'error',
    text: 'The code or word is not on its list.',
    fix: 'Use one of the published codes or words.',
  },
  'code-damaged': {
    severity: 'error',
    text: 'The code looks cut, rounded or reformatted.',
    fix: 'Export codes as text, not through a spreadsheet.',
  },
  'code-id-unresolved': {
    severity: 'warning',
    text: 'This code id is in no code table received.',
    fix: 'Send the code table.',
  },
  'code-unknown': {
    severity: 'information',
    text: 'Kept as sent; not in our tables, so it takes no part in the audit yet.',
    fix: 'Map local codes to SNOMED CT, or ask for the code to be added.',
  },
  'code-local': {
    severity: 'information',
    text: 'A local code: kept as sent, takes no part in the audit.',
    fix: 'Map local codes to SNOMED CT.',
  },
  'coding-disagreement': {
    severity: 'warning',
    text: 'Two codings of one entry mean different sites; the site is taken as unspecified.',
    fix: 'Send codings that mean the same.',
  },
  'drug-code-missing': {
    severity: 'warning',
    text: 'A name alone is not used for treatment.',
    fix: 'Give the dm+d code.',
  },
  'supply-unknown': {
    severity: 'information',
    text: 'Neither days nor quantity; the default supply was used.',
    fix: 'Give days supplied or quantity.',
  },
  'value-not-numeric': {
    severity: 'error',
    text: 'The value is not a number.',
    fix: 'Give a plain number with a decimal point; < and > go in the comparator.',
  },
  'value-out-of-range': {
    severity: 'warning',
    text: 'The value is outside the possible range.',
    fix: 'Check value and unit.',
  },
  'unit-unknown': {
    severity: 'warning',
    text: 'Without a known unit the value is not used.',
    fix: 'Give a UCUM unit.',
  },
  'side-conflict': {
    severity: 'warning',
    text: 'Two statements of side differ; neither was used.',
    fix: 'Check left and right.',
  },
  'cell-too-long': { severity: 'warning', text: 'The cell was cut to the allowed length.', fix: 'Shorten the text.' },
  'text-not-accepted': {
    severity: 'information',
    text: "Free text is outside this practice's agreement and was not kept.",
    fix: 'Nothing to do.',
  },
  'registration-overlap': {
    severity: 'warning',
    text: 'Two full registrations overlap.',
    fix: 'Check the registrations.',
  },
  'death-disagrees': { severity: 'warning', text: 'Two dates of death.', fix: 'Check the dates of death.' },
  'test-patient': {
    severity: 'information',
    text: 'Test patients are left out.',
    fix: 'Exclude test patients at source.',
  },
  'confidential-row': {
    severity: 'information',
    text: 'Confidential rows are left out.',
    fix: 'Exclude confidential rows at source.',
  },
  'type-1-objection': {
    severity: 'information',
    text: 'The patient objects to secondary use (type 1); all rows are left out.',
    fix: 'Exclude the patient at source.',
  },
  'recorded-elsewhere': {
    severity: 'information',
    text: "Recorded at another organisation; kept under this practice's record.",
    fix: 'Nothing to do.',
  },
  'delete-of-unseen': {
    severity: 'information',
    text: 'We never had this row. Remembered, so that a late copy stays out.',
    fix: 'Nothing to do.',
  },
  'possible-repeat': {
    severity: 'information',
    text: 'Same patient, code and date under another id. Both kept; linkage decides.',
    fix: 'Nothing to do.',
  },
  'practice-closed': {
    severity: 'error',
    text: 'The practice is not opted in; nothing was kept.',
    fix: "Ask the information-governance lead to record the practice's opt-in.",
  },
  'message-unreadable': {
    severity: 'error',
    text: 'Not an HL7 v2 message.',
    fix: 'Start the message with a readable MSH segment.',
  },
  'segment-missing': {
    severity: 'error',
    text: 'A segment needed for this message is missing.',
    fix: 'Send the segment named.',
  },
  'trigger-not-used': {
    severity: 'information',
    text: 'Kept, not interpreted: this message type says nothing the audit asks for.',
    fix: 'Nothing to do.',
  },
  'processing-id-not-production': {
    severity: 'information',
    text: 'Test or training message: kept, not used.',
    fix: 'Send live messages with MSH-11 P.',
  },
  'batch-count-differs': {
    severity: 'warning',
    text: 'The batch holds another number of messages than its trailer says; all were kept.',
    fix: 'Check that the batch was sent whole, and the count in BTS-1 or FTS-1.',
  },
  'charset-mislabelled': {
    severity: 'warning',
    text: 'The text is not in the character set named in MSH-18; it was read by its bytes.',
    fix: 'Name the character set really used in MSH-18.',
  },
  'sender-unknown': {
    severity: 'error',
    text: 'This sending application and facility are not enrolled for this connection; nothing was kept.',
    fix: 'Ask the operator to enrol MSH-3 and MSH-4, or correct them.',
  },
  'control-id-reused': {
    severity: 'warning',
    text: 'The control id came before with other content; both are kept.',
    fix: 'Give every message its own control id.',
  },
  'patient-missing': {
    severity: 'error',
    text: 'No patient identifier could be read.',
    fix: 'Identify the patient: a local number with its authority, or an NHS number.',
  },
  'merge-cycle': {
    severity: 'error',
    text: 'The merge would close a circle; it is held for a person.',
    fix: 'Check the merge at source.',
  },
  'merge-doubtful': {
    severity: 'warning',
    text: 'The two records contradict each other; the merge is held for a person.',
    fix: 'Check the merge at source.',
  },
  'reference-unresolved': {
    severity: 'error',
    text: 'The reference leads nowhere we know.',
    fix: 'Send the referenced resource first, in the same Bundle, or by identifier.',
  },
  'resource-not-used': {
    severity: 'information',
    text: 'This resource is kept but not used by the audit.',
    fix: 'Nothing to do.',
  },
  'profile-unknown': {
    severity: 'error',
    text: 'The profile is not known here.',
    fix: 'Name the base definition or the UK Core profile of the type, or leave the profile out.',
  },
  'uk-core-score': {
    severity: 'information',
    text: 'How many of the checks of UK Core that apply are met; a measure, never a reason to refuse.',
    fix: 'Nothing to do.',
  },
  'uk-core-unmet': {
    severity: 'information',
    text: 'UK Core expects this.',
    fix: 'Give it when your system has it; nothing is refused for it.',
  },
  'json-invalid': { severity: 'error', text: 'The body is not JSON.', fix: 'Send valid JSON in UTF-8.' },
  'json-duplicate-key': { severity: 'error', text: 'A JSON key occurs twice.', fix: 'Send each key once.' },
  'json-too-deep': { severity: 'error', text: 'The JSON is nested too deeply.', fix: 'Nest at most 64 levels.' },
  'json-key-refused': { severity: 'error', text: 'This key is never accepted.', fix: 'Remove the key.' },
  'payload-too-large': { severity: 'error', text: 'Larger than the limit.', fix: 'Split it into smaller parts.' },
  'structure-invalid': {
    severity: 'error',
    text: 'The element does not conform to its definition.',
    fix: 'Follow the published definition of the element.',
  },
  'element-unknown': { severity: 'error', text: 'Unknown element.', fix: 'Remove or rename the element.' },
  'element-required': { severity: 'error', text: 'A required element is missing.', fix: 'Give the element.' },
  'element-empty': {
    severity: 'error',
    text: 'Empty arrays, objects, strings and nulls are not allowed.',
    fix: 'Leave the element out instead.',
  },
  'resource-type-wrong': {
    severity: 'error',
    text: 'Wrong or missing resourceType.',
    fix: 'Send the resource type the address names.',
  },
  'resource-type-unknown': {
    severity: 'error',
    text: 'Unknown resource type.',
    fix: 'See the CapabilityStatement for what is supported.',
  },
  'interaction-not-supported': {
    severity: 'error',
    text: 'This interaction is not offered.',
    fix: 'See the CapabilityStatement for what is supported.',
  },
  'parameter-not-supported': {
    severity: 'error',
    text: 'This parameter or modifier is not supported.',
    fix: 'See the CapabilityStatement for the search parameters.',
  },
  'parameter-invalid': { severity: 'error', text: "The parameter's value cannot be read.", fix: 'Correct the value.' },
  'media-type-not-supported': {
    severity: 'error',
    text: 'This format is not supported.',
    fix: 'Use application/fhir+json (FHIR) or application/json.',
  },
  'bundle-duplicate-identity': {
    severity: 'error',
    text: 'The same resource occurs twice in the transaction.',
    fix: 'Send each resource once per transaction.',
  },
  'mapping-unknown': {
    severity: 'error',
    text: 'No mapping folder of this name and protocol is in use.',
    fix: 'Name a folder of mappings/ that was there when the service started, or leave it out to take the defaults of the protocol.',
  },
  'multiple-matches': {
    severity: 'error',
    text: 'More than one resource matches.',
    fix: 'Use a more exact identifier.',
  },
  'version-conflict': {
    severity: 'error',
    text: 'The version named is not the current one.',
    fix: 'Read the current version, repeat your change, send its ETag.',
  },
  'version-required': {
    severity: 'error',
    text: 'If-Match is required and must look like W/"…".',
    fix: 'Send If-Match with the ETag you read.',
  },
  'not-found': { severity: 'error', text: 'Not found.', fix: 'Check the address.' },
  gone: { severity: 'error', text: 'It was deleted.', fix: 'Nothing to do.' },
  unauthenticated: { severity: 'error', text: 'Sign in first.', fix: 'Send a valid bearer token.' },
  forbidden: {
    severity: 'error',
    text: 'Your role may not do this.',
    fix: 'Ask your lead or the operator for the role.',
  },
  'too-many-requests': { severity: 'error', text: 'Too many requests.', fix: 'Wait and try again.' },
  'storage-uncertain': {
    severity: 'error',
    text: 'Storage could not be confirmed.',
    fix: 'Send the same again; it will not be doubled.',
  },
  'opt-out-list-stale': {
    severity: 'error',
    text: 'The National Data Opt-Out list is missing or out of date; nothing is given out.',
    fix: 'Ask the information-governance lead to load the current list.',
  },
  'audit-unavailable': {
    severity: 'error',
    text: 'The access log cannot be written; patient data is not shown.',
    fix: 'Try again later.',
  },
  'internal-error': {
    severity: 'error',
    text: 'Something went wrong on our side.',
    fix: 'Send the same again later; tell us the reference if it stays.',
  },
  'not-yet-read': { severity: 'information', text: 'Kept; not read yet.', fix: 'Ask again in a moment.' },
  'questionnaire-unknown': {
    severity: 'error',
    text: 'The questionnaire or its version is not known.',
    fix: 'Name a Questionnaire and version we publish.',
  },
  'questionnaire-not-active': {
    severity: 'warning',
    text: 'The questionnaire version is not active for this date.',
    fix: 'Use the active version.',
  },
  'item-unknown': {
    severity: 'error',
    text: 'The linkId is not in the questionnaire.',
    fix: 'Use the linkIds of the questionnaire.',
  },
  'item-misplaced': {
    severity: 'error',
    text: 'The item stands in the wrong place.',
    fix: 'Nest the item as the questionnaire does.',
  },
  'item-order': {
    severity: 'error',
    text: 'The items are out of order.',
    fix: "Send items in the questionnaire's order.",
  },
  'item-repeated': {
    severity: 'error',
    text: 'The item occurs more than once.',
    fix: 'Repeat answers, not items; only repeating groups may repeat.',
  },
  'item-disabled': {
    severity: 'error',
    text: 'The item is not enabled but has content.',
    fix: 'Remove the answer or change the answer it depends on.',
  },
  'item-required': { severity: 'error', text: 'A required item has no answer.', fix: 'Answer the item.' },
  'item-too-few': { severity: 'error', text: 'Too few answers.', fix: 'Give at least the minimum number of answers.' },
  'item-too-many': { severity: 'error', text: 'Too many answers.', fix: 'Give at most the maximum number of answers.' },
  'answer-type': { severity: 'error', text: 'The answer has the wrong type.', fix: 'Use the value type of the item.' },
  'answer-not-allowed': {
    severity: 'error',
    text: 'This item cannot carry an answer.',
    fix: 'Groups and displays carry no answer.',
  },
  'answer-exclusive': {
    severity: 'error',
    text: 'An exclusive answer stands beside others.',
    fix: 'Give the exclusive answer alone, or remove it.',
  },
  'answer-precision': { severity: 'error', text: 'Too many decimal places.', fix: 'Give fewer decimal places.' },
  'answer-length': { severity: 'error', text: 'The text is too short or too long.', fix: 'Keep to the length limits.' },
  'answer-pattern': {
    severity: 'error',
    text: 'The value does not match the pattern or constraint.',
    fix: 'Follow the pattern.',
  },
  'answer-text-differs': {
    severity: 'error',
    text: 'item.text differs from the questionnaire.',
    fix: 'Leave item.text out, or copy it exactly.',
  },
  'answer-calculated': {
    severity: 'warning',
    text: 'The calculated value differs from ours.',
    fix: 'Leave the calculated item out.',
  },
  'answer-read-only': {
    severity: 'warning',
    text: 'A read-only item was answered.',
    fix: 'Leave the read-only item out.',
  },
  'value-set-unresolved': {
    severity: 'error',
    text: 'The value set cannot be resolved.',
    fix: 'Tell us which value set the form uses.',
  },
  'unit-not-comparable': {
    severity: 'error',
    text: 'The unit cannot be compared with the limit.',
    fix: 'Use the unit of the limit.',
  },
  'under-50': {
    severity: 'information',
    text: 'Under 50 on the diagnosis date: outside the audit.',
    fix: 'Nothing to do.',
  },
  'site-excluded': {
    severity: 'information',
    text: 'Skull, face and digits are outside the audit.',
    fix: 'Nothing to do.',
  },
  'closed-version': {
    severity: 'warning',
    text: 'The dataset version of this date is closed; v3 items are used.',
    fix: 'Nothing to do.',
  },
  V01: { severity: 'error', text: '1.01 fails the check digit.', fix: 'Correct the NHS number.' },
  V02: { severity: 'error', text: 'Age at 1.09 is under 50.', fix: 'Check birth and diagnosis dates.' },
  V03: { severity: 'error', text: '1.09 is before 2016 or after receipt.', fix: 'Check 1.09.' },
  V04: { severity: 'error', text: '1.11 is outside the audit.', fix: 'Check the site.' },
  V05: { severity: 'error', text: 'A date is before birth or after death.', fix: 'Check the dates.' },
  V06: {
    severity: 'warning',
    text: 'A contact, assessment or DXA date is before the diagnosis, or contact is after assessment.',
    fix: 'Check the order of the dates.',
  },
  V07: {
    severity: 'warning',
    text: 'Assessment is more than 365 days after diagnosis.',
    fix: 'Check the assessment date.',
  },
  V08: { severity: 'error', text: '3.03 is given although no DXA was ordered.', fix: 'Clear 3.03 or change 3.01.' },
  V09: { severity: 'warning', text: '3.02 is blank although no DXA was ordered.', fix: 'Give the reason in 3.02.' },
  V10: {
    severity: 'error',
    text: '4.01 mixes a drug with declined, inappropriate or unknown.',
    fix: 'Remove the drug or the refusal.',
  },
  V11: { severity: 'warning', text: 'The follow-up date is outside its window.', fix: 'Check the follow-up date.' },
  V12: {
    severity: 'error',
    text: 'A follow-up drug is given although no follow-up was done.',
    fix: 'Answer the follow-up question with yes, or remove the drug.',
  },
  V13: {
    severity: 'warning',
    text: 'The drug at follow-up differs from the one recommended.',
    fix: 'Nothing to do if the drug was switched.',
  },
  V14: { severity: 'warning', text: 'The same site is given twice.', fix: 'Nothing to do if both sides are broken.' },
  V15: {
    severity: 'warning',
    text: 'The same site within 30 days of another episode.',
    fix: 'Check whether these are one fracture.',
  },
  V16: { severity: 'error', text: 'A follow-up after death.', fix: 'Check the date of death.' },
  V17: { severity: 'error', text: 'Unknown code.', fix: 'Use a code of the list.' },
} as const satisfies Record<string, { severity: Severity; text: string; fix: string }>

export type Severity = 'error' | 'warning' | 'information'
export type IssueCode = keyof typeof issueCodes

/** One finding. `where` in the sender's own terms: `PID-7`, `Condition.onsetDateTime`, `row 12, date`. `item`: audit question it concerns. */
export type Issue = {
  readonly code: IssueCode
  readonly severity: Severity
  readonly where: string
  readonly item?: string
  /** Names only, never values: the nearest column name, the rule, the linkId. */
  readonly hint?: string
}

export function issue(
  code: IssueCode,
  where: string,
  more: { severity?: Severity; item?: string; hint?: string } = {},
): Issue {
  return { code, severity: issueCodes[code].severity, where, ...more }
}

/** Each finding once: the same code at the same place says nothing more, whoever found it. */
export function distinctIssues(issues: readonly Issue[]): readonly Issue[] {
  if (issues.length < 2) return issues
  return [...new Map(issues.map(found => [`${found.code} ${found.where}`, found])).values()]
}

/** The published form of an issue, the same from every door. */
export function describeIssue(found: Issue): Issue & { text: string; fix: string } {
  const { text, fix } = issueCodes[found.code]
  return { ...found, text: found.hint ? `${text} (${found.hint})` : text, fix }
}
