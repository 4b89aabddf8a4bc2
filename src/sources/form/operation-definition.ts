import type { OperationDefinition } from 'fhir/r4.js'
import { canonicalBase } from './canonical.ts'

/** Our one operation of our own: everything about a linked episode (Decision "FHIR"). */
export function episodeEverythingDefinition(): OperationDefinition {
  return {
    resourceType: 'OperationDefinition',
    id: 'episode-everything',
    url: `${canonicalBase}/OperationDefinition/episode-everything`,
    version: '1.0.0',
    name: 'EpisodeEverything',
    title: 'Everything about a linked episode',
    status: 'active',
    kind: 'operation',
    publisher: 'FLS-DB',
    description:
      'The EpisodeOfCare, one Condition per fracture, the assembled QuestionnaireResponse, what hospital and GP contributed as resources of their kind, and one Provenance per linked record with the reasons of the link. A contributing site sees both sides with dates; an analyst sees pseudonyms and days from the day of diagnosis.',
    affectsState: false,
    code: 'everything',
    resource: ['EpisodeOfCare'],
    system: false,
    type: false,
    instance: true,
    parameter: [
      {
        name: 'return',
        use: 'out',
        min: 1,
        max: '1',
        type: 'Bundle',
        documentation: 'A Bundle of type collection, the EpisodeOfCare first.',
      },
    ],
  }
}
