import { Container, SkipLink } from 'nhsuk-react-components'
import type { ReactNode } from 'react'

/** The frame of every page: language, skip link, header, main, footer; styles and scripts of our own only. */
export function Layout({
  title,
  scripts = [],
  styles = [],
  children,
}: {
  readonly title: string
  readonly scripts?: readonly string[]
  readonly styles?: readonly string[]
  readonly children: ReactNode
}) {
  return (
    <html lang="en-GB">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <link rel="icon" href="/assets/favicon.svg" />
        <title>{`${title} – FLS-DB`}</title>
        {['nhsuk.css', 'site.css', ...styles].map(name => (
          <link key={name} rel="stylesheet" href={`/assets/${name}`} />
        ))}
      </head>
      <body>
        <SkipLink>Skip to main content</SkipLink>
        <header className="flsdb-header">
          <Container>
            <a className="flsdb-header__name" href="/">
              FLS-DB
            </a>
            <nav aria-label="Main">
              <a href="/docs/index">Guides</a>
              <a href="/api/docs">API</a>
              <a href="/fhir/metadata">FHIR</a>
              <a href="/ready">Status</a>
            </nav>
          </Container>
        </header>
        <Container>
          <main className="nhsuk-main-wrapper" id="maincontent">
            {children}
          </main>
        </Container>
        <footer className="flsdb-footer">
          <Container>
            <p className="nhsuk-body-s">
              Open software (Apache-2.0) for the Fracture Liaison Service Database audit. Not for direct care decisions.
            </p>
          </Container>
        </footer>
        {scripts.map(name => (
          <script key={name} src={`/assets/${name}`} defer />
        ))}
      </body>
    </html>
  )
}
