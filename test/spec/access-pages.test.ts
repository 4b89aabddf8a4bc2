import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { blank, createLogger } from '../../src/http/logger.ts'
import { parseInline, parseMarkdown } from '../../src/web/markdown.ts'
import { loadPages } from '../../src/web/render.ts'

describe('guides', () => {
  test.each([
    ['# Title', [{ kind: 'heading', level: 1, id: 'title', content: [{ kind: 'text', text: 'Title' }] }]],
    ['one\ntwo', [{ kind: 'paragraph', content: [{ kind: 'text', text: 'one two' }] }]],
    [
      '- a\n  more\n- b',
      [{ kind: 'list', isOrdered: false, items: [[{ kind: 'text', text: 'a more' }], [{ kind: 'text', text: 'b' }]] }],
    ],
    [
      '1. a\n2. b',
      [{ kind: 'list', isOrdered: true, items: [[{ kind: 'text', text: 'a' }], [{ kind: 'text', text: 'b' }]] }],
    ],
    ['```sh\n# not a title\n```', [{ kind: 'code', text: '# not a title' }]],
    ['> said', [{ kind: 'quote', content: [{ kind: 'text', text: 'said' }] }]],
    ['---', [{ kind: 'rule' }]],
    [
      '| a | b |\n|---|---|\n| `x|y` | z \\| w |',
      [
        {
          kind: 'table',
          head: [[{ kind: 'text', text: 'a' }], [{ kind: 'text', text: 'b' }]],
          rows: [[[{ kind: 'code', text: 'x|y' }], [{ kind: 'text', text: 'z | w' }]]],
        },
      ],
    ],
  ])('%j', (text, blocks) => {
    expect(parseMarkdown(text)).toEqual(blocks)
  })
  test.each([
    ['[x](guides/send-hl7.md#top)', { kind: 'link', text: 'x', to: '/docs/send-hl7#top' }],
    ['[x](https://example.org)', { kind: 'link', text: 'x', to: 'https://example.org' }],
    ['[x](javascript:alert)', { kind: 'text', text: 'x' }],
    ['[x](//evil.test)', { kind: 'text', text: 'x' }],
  ])('%s', (text, part) => {
    expect(parseInline(text)).toEqual([part])
  })
  test('no text is lost or turned into markup, whatever it is', async () => {
    const pages = await loadPages(() => {})
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), text => {
        const html = pages.guide('t', parseMarkdown(`${text}\n\n<script>alert(1)</script> <img src=x onerror=y>`))
        expect(html).not.toMatch(/<script>|<img/)
      }),
      { numRuns: 100 },
    )
  })
})

describe('the first page', () => {
  const view = {
    profile: 'demo',
    baseUrl: 'http://127.0.0.1:3000',
    mllp: { host: '127.0.0.1', port: 2575 },
    counts: [{ label: 'Episodes', value: 18_000 }],
    demoFile: '.flsdb/demo.json',
    guides: ['send-hl7'],
    sample: {
      id: 'e1',
      status: 'submitted',
      sites: ['wrist (left)'],
      injuryDate: '2026-03-04',
      ageAtDiagnosis: 71,
      hospital: [
        { what: 'wrist.distal-radius', code: 'S52.5 (icd10)', date: '2026-03-04', organisation: 'RXX', path: 'DG1-3' },
      ],
      gp: [
        { what: 'wrist', code: '263102004 (snomed)', date: '2026-03', organisation: 'P81001', path: 'row 12, code' },
      ],
      reasons: [
        {
          kind: 'person' as const,
          decidedBy: 'model',
          probability: 0.9999,
          totalBits: 21.4,
          parts: [{ field: 'nhsNumber', level: 'equal', bits: 19.2 }],
        },
      ],
      checks: [],
    },
  }

  test('shows what runs, what to try, and both sides of one episode with the reasons', async () => {
    const html = (await loadPages(() => {})).home(view)
    for (const words of [
      '127.0.0.1:2575',
      '18,000',
      '.flsdb/demo.json',
      'DG1-3',
      'row 12, code',
      'nhsNumber',
      '19.2',
      '21.4 bits',
      '/docs/send-hl7',
    ])
      expect(html).toContain(words)
    expect(html.startsWith('<!doctype html><html lang="en-GB">')).toBe(true)
  })
  test('needs nothing inline and nothing from another host', async () => {
    const pages = await loadPages(() => {})
    for (const html of [pages.home(view), pages.apiDocs(), pages.guides([{ name: 'a', title: 'A' }])]) {
      expect(html).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=/)
      expect(
        [...html.matchAll(/<(?:script|link|img)[^>]*(?:src|href)="([^"]+)"/g)].every(match =>
          match[1]?.startsWith('/assets/'),
        ),
      ).toBe(true)
    }
  })
  test('without a demo there are no secrets to find and nothing to try', async () => {
    const { demoFile: _file, sample: _sample, ...production } = view
    const html = (await loadPages(() => {})).home({ ...production, profile: 'production' })
    expect(html).not.toMatch(/demo\.json|What to try next|One linked episode/)
  })
})

describe('the log sink', () => {
  test.each([
    ['9990000018', '[number]'],
    ['999 000 0018', '[number]'],
    ['nhs=9990000018;', 'nhs=[number];'],
    ['9990000019', '9990000019'],
    ['1795562354123', '1795562354123'],
    ['born 1944-07-19', 'born [date]'],
    ['19440719', '[date]'],
    ['2026-03-04T10:00:00Z', '2026-03-04T10:00:00Z'],
  ])('%s is written as %s', (text, written) => {
    expect(blank(text)).toBe(written)
  })
  test('an exception leaves its class and frames, never its words', () => {
    const lines: string[] = []
    const logger = createLogger({ destination: { write: line => void lines.push(line) } })
    logger.failure('ref-1', new TypeError('cannot read SURNAME of 9990000018'))
    logger.event('started', { feed: 'rxx01-pas', note: '9990000018', count: 3 })
    logger.call({ requestId: 'r 9990000018', route: 'GET /', status: 200, milliseconds: 1.6, role: 'nurse' })
    const text = lines.join('')
    expect(text).toContain('TypeError')
    expect(text).toContain('ref-1')
    expect(text).not.toMatch(/SURNAME|9990000018/)
    expect(JSON.parse(lines[2] ?? '')).toMatchObject({ route: 'GET /', status: 200, milliseconds: 2, role: 'nurse' })
  })
})
