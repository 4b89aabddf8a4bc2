import { createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import type { ConformanceReport } from '../http/api/conformance.ts'
import type { HomeView } from './home-view.ts'
import type { Block } from './markdown.ts'
import { registerTsx } from './tsx.ts'

/** The pages, ready to render; every answer is a whole HTML document. */
export type Pages = {
  readonly home: (view: HomeView) => string
  readonly guide: (title: string, blocks: readonly Block[]) => string
  readonly guides: (pages: readonly { readonly name: string; readonly title: string }[]) => string
  readonly apiDocs: () => string
  readonly conformance: (report: ConformanceReport) => string
}

/** Loads the React pages (server-side only). `prepare` makes `.tsx` importable; a test runner that can already passes its own. */
export async function loadPages(prepare: () => void = registerTsx): Promise<Pages> {
  prepare()
  const [{ HomePage }, { DocsPage, DocsIndexPage }, { ApiDocsPage }, { ConformancePage }] = await Promise.all([
    import('./home-page.tsx'),
    import('./docs-page.tsx'),
    import('./api-docs-page.tsx'),
    import('./conformance-page.tsx'),
  ])
  const page = (element: Parameters<typeof renderToStaticMarkup>[0]) =>
    `<!doctype html>${renderToStaticMarkup(element)}`
  return {
    home: view => page(createElement(HomePage, { view })),
    guide: (title, blocks) => page(createElement(DocsPage, { title, blocks })),
    guides: pages => page(createElement(DocsIndexPage, { pages })),
    apiDocs: () => page(createElement(ApiDocsPage)),
    conformance: report => page(createElement(ConformancePage, { report })),
  }
}
