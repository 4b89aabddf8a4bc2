import { Details, InsetText, SummaryList, Table } from 'nhsuk-react-components'
import type { HomeView, SampleEntry, SampleEpisode, SampleReason } from './home-view.ts'
import { Layout } from './layout.tsx'

/** `GET /`: what runs here, what is in it, what to try next, and one linked episode of the demo. */
export function HomePage({ view }: { readonly view: HomeView }) {
  return (
    <Layout title="What runs here" scripts={['copy.js']}>
      <h1>Fracture Liaison Service Database</h1>
      <p className="nhsuk-lede-text">
        Hospital and GP records in, one linked episode per injury out, with the reason for every link and the source of
        every answer.
      </p>
      {view.demoFile ? (
        <InsetText>
          <p>
            This is a demo. Every patient is synthetic; every NHS number is from the 999 range, which is never issued.
          </p>
        </InsetText>
      ) : null}
      <h2>What runs here</h2>
      <SummaryList>
        {rowsOf(view).map(([key, value]) => (
          <SummaryList.Row key={key}>
            <SummaryList.Key>{key}</SummaryList.Key>
            <SummaryList.Value>{value}</SummaryList.Value>
          </SummaryList.Row>
        ))}
      </SummaryList>
      <Counts view={view} />
      {view.demoFile ? <TryNext view={view} demoFile={view.demoFile} /> : null}
      {view.sample ? <Sample episode={view.sample} /> : null}
      <Guides guides={view.guides} />
    </Layout>
  )
}

function rowsOf({ profile, baseUrl, mllp, mongod }: HomeView): readonly (readonly [string, string])[] {
  return [
    ['Profile', profile],
    ['FHIR R4', `${baseUrl}/fhir`],
    ['JSON API', `${baseUrl}/api`],
    ...(mllp ? [['HL7 v2 over MLLP', `${mllp.host}:${mllp.port}`] as const] : []),
    ...(mongod ? [['Database', `MongoDB ${mongod}, replica set`] as const] : []),
  ]
}

function Counts({ view }: { readonly view: HomeView }) {
  return (
    <Table caption="In the database now">
      <Table.Head>
        <Table.Row>
          <Table.Cell>What</Table.Cell>
          <Table.Cell>How many</Table.Cell>
        </Table.Row>
      </Table.Head>
      <Table.Body>
        {view.counts.map(({ label, value }) => (
          <Table.Row key={label}>
            <Table.Cell>{label}</Table.Cell>
            <Table.Cell>{value.toLocaleString('en-GB')}</Table.Cell>
          </Table.Row>
        ))}
      </Table.Body>
    </Table>
  )
}

function TryNext({ view, demoFile }: { readonly view: HomeView; readonly demoFile: string }) {
  return (
    <>
      <h2>What to try next</h2>
      <p>
        Clients, users and their secrets stand in <code>{demoFile}</code>, one for each role. Run these in the project
        folder.
      </p>
      {commandsOf(view, demoFile).map(({ title, command }) => (
        <div key={title} className="flsdb-command">
          <h3 className="nhsuk-heading-s">{title}</h3>
          <pre tabIndex={0}>
            <code>{command}</code>
          </pre>
        </div>
      ))}
    </>
  )
}

function commandsOf({ baseUrl, mllp }: HomeView, demoFile: string): readonly { title: string; command: string }[] {
  const token = (role: string) =>
    `TOKEN=$(curl -s -d grant_type=client_credentials -u "$(node -p 'const c=JSON.parse(fs.readFileSync("${demoFile}")).clients.find(c=>c.role==="${role}"); c.clientId+":"+c.clientSecret')" ${baseUrl}/idp/token | node -p 'JSON.parse(fs.readFileSync(0)).access_token')`
  return [
    ...(mllp
      ? [
          {
            title: 'Push HL7 messages and see each acknowledgement',
            command: 'npx flsdb send samples/hl7v2/*.hl7 --mllp',
          },
        ]
      : []),
    {
      title: 'Follow them through every stage (engineer)',
      command: `${token('engineer')}\ncurl -s -H "Authorization: Bearer $TOKEN" "${baseUrl}/api/messages?limit=5"`,
    },
    {
      title: 'Linked episodes as CSV, pseudonymised (analyst)',
      command: `${token('analyst')}\ncurl -s -H "Authorization: Bearer $TOKEN" "${baseUrl}/api/episodes?format=csv&linked=true" | head`,
    },
    {
      title: 'Pairs that wait for a person, with the reasons (linkage reviewer)',
      command: `${token('linkage-reviewer')}\ncurl -s -H "Authorization: Bearer $TOKEN" "${baseUrl}/api/links?state=review&limit=5"`,
    },
    {
      title: 'Who saw what, and proof that nobody edited the list (information governance)',
      command: `${token('ig-lead')}\ncurl -s -H "Authorization: Bearer $TOKEN" "${baseUrl}/api/access-log/verify"`,
    },
  ]
}

function Sample({ episode }: { readonly episode: SampleEpisode }) {
  const { status, sites, injuryDate, ageAtDiagnosis, hospital, gp, reasons } = episode
  const facts = [
    sites.join(', '),
    injuryDate,
    ageAtDiagnosis === undefined ? undefined : `age ${ageAtDiagnosis}`,
    status,
  ]
  return (
    <>
      <h2>One linked episode</h2>
      <p>{facts.filter(fact => fact !== undefined && fact !== '').join(' · ')}</p>
      <div className="flsdb-sides">
        <Entries caption="What the hospital sent" entries={hospital} />
        <Entries caption="What the GP practice sent" entries={gp} />
      </div>
      <h3>Why they belong together</h3>
      {reasons.map((reason, index) => (
        <Reason key={`${reason.kind}-${String(index)}`} reason={reason} />
      ))}
    </>
  )
}

function Entries({ caption, entries }: { readonly caption: string; readonly entries: readonly SampleEntry[] }) {
  return (
    <Table caption={caption}>
      <Table.Head>
        <Table.Row>
          <Table.Cell>Date</Table.Cell>
          <Table.Cell>What</Table.Cell>
          <Table.Cell>Code</Table.Cell>
          <Table.Cell>From</Table.Cell>
        </Table.Row>
      </Table.Head>
      <Table.Body>
        {entries.map((entry, index) => (
          <Table.Row key={`${entry.path}-${String(index)}`}>
            <Table.Cell>{entry.date}</Table.Cell>
            <Table.Cell>{entry.what}</Table.Cell>
            <Table.Cell>{entry.code}</Table.Cell>
            <Table.Cell>{`${entry.organisation}, ${entry.path}`}</Table.Cell>
          </Table.Row>
        ))}
      </Table.Body>
    </Table>
  )
}

function Reason({ reason }: { readonly reason: SampleReason }) {
  const heading = reason.kind === 'person' ? 'Same person' : 'Same fracture'
  return (
    <Details>
      <Details.Summary>
        {`${heading}: ${reason.totalBits.toFixed(1)} bits, probability ${reason.probability.toFixed(3)}, decided by ${reason.decidedBy}`}
      </Details.Summary>
      <Details.Text>
        <Table caption="Weight of each comparison, bits (log base 2)">
          <Table.Head>
            <Table.Row>
              <Table.Cell>Field</Table.Cell>
              <Table.Cell>Agreement</Table.Cell>
              <Table.Cell>Bits</Table.Cell>
            </Table.Row>
          </Table.Head>
          <Table.Body>
            {reason.parts.map(part => (
              <Table.Row key={`${part.field}-${part.level}`}>
                <Table.Cell>{part.field}</Table.Cell>
                <Table.Cell>{part.level}</Table.Cell>
                <Table.Cell>{part.bits.toFixed(1)}</Table.Cell>
              </Table.Row>
            ))}
          </Table.Body>
        </Table>
      </Details.Text>
    </Details>
  )
}

function Guides({ guides }: { readonly guides: readonly string[] }) {
  return (
    <>
      <h2>Guides</h2>
      <ul>
        {guides.map(name => (
          <li key={name}>
            <a href={`/docs/${name}`}>{titleOf(name)}</a>
          </li>
        ))}
        <li>
          <a href="/api/docs">JSON API, to read and try</a>
        </li>
        <li>
          <a href="/fhir/metadata">FHIR CapabilityStatement</a>
        </li>
      </ul>
    </>
  )
}

function titleOf(name: string): string {
  const words = name.replaceAll('-', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
