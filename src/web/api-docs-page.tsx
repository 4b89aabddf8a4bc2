import { Layout } from './layout.tsx'

/** `GET /api/docs`: the OpenAPI description, readable and to try; everything is served from here. */
export function ApiDocsPage() {
  return (
    <Layout title="JSON API" styles={['swagger-ui.css']} scripts={['swagger-ui-bundle.js', 'api-docs.js']}>
      <h1>JSON API</h1>
      <p>
        The description itself: <a href="/api/openapi.json">/api/openapi.json</a> (OpenAPI 3.1).
      </p>
      <div id="api-docs" />
    </Layout>
  )
}
