import type { Group } from 'fhir/r4.js'
import { canonicalBase } from '../form/canonical.ts'
import type { TypeHandlers } from './call.ts'
import { type PublishedDeps, publishedHandlers } from './published.ts'
import { jsonOf } from './served.ts'

const odsSystem = 'https://fhir.nhs.uk/Id/ods-organization-code'

/** The patients of one reporting FLS as a Group: what `Group/[ODS code]/$export` is asked for. Members are never listed. */
export function siteGroup(ods: string, name: string): Group {
  return {
    resourceType: 'Group',
    id: ods,
    identifier: [
      { system: `${canonicalBase}/Id/site-group`, value: ods },
      { system: odsSystem, value: ods },
    ],
    type: 'person',
    actual: true,
    code: { text: 'Patients whose episodes this FLS reports' },
    name,
  }
}

/** One Group per enrolled site. */
export function groupHandlers(
  sites: () => Promise<readonly { readonly ods: string; readonly name: string }[]>,
  deps: PublishedDeps,
): TypeHandlers {
  return {
    ...publishedHandlers(async () => (await sites()).map(({ ods, name }) => jsonOf(siteGroup(ods, name))), deps),
    operations: [{ name: 'export', definition: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export' }],
    documentation:
      'One Group per enrolled site: the episodes it reports. Only what can be exported is told, never who is in it.',
  }
}
