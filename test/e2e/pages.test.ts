import { access } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Browser, Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import { wristJourney } from '../../synthetic/stories.ts'
import { deliver } from '../set-up/deliver.ts'
import { quiet, type RunningService, startService } from '../set-up/running.ts'

const executablePath = '/usr/bin/chromium'
const quietBrowser = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const hasBrowser = await access(executablePath).then(
  () => true,
  () => false,
)

let service: RunningService
let browser: Browser | undefined
beforeAll(async () => {
  service = await startService({ database: 'e2e_pages' })
  await deliver(service, Object.values(wristJourney()).flat())
  await quiet(service)
  if (hasBrowser) browser = await chromium.launch({ executablePath, args: quietBrowser })
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await service?.stop()
})

/** A page with everything that went wrong on it: console errors, failed or foreign requests. */
async function open(address: string): Promise<{ page: Page; faults: string[] }> {
  if (!browser) throw new Error('no browser')
  const page = await browser.newPage()
  const faults: string[] = []
  page.on('console', message => message.type() === 'error' && faults.push(message.text()))
  page.on('requestfailed', request => faults.push(`failed: ${new URL(request.url()).pathname}`))
  page.on(
    'request',
    request =>
      !request.url().startsWith(service.url) &&
      !request.url().startsWith('data:') &&
      faults.push(`foreign host: ${request.url()}`),
  )
  await page.goto(`${service.url}${address}`)
  return { page, faults }
}

async function accessibilityFaults(page: Page): Promise<string[]> {
  const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
  await page.addScriptTag({ path: axe }).catch(() => undefined)
  const results = (await page.evaluate(
    `typeof axe === 'undefined' ? undefined : axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })`,
  )) as { violations: { id: string; nodes: unknown[] }[] } | undefined
  return results?.violations.map(violation => `${violation.id} × ${violation.nodes.length}`) ?? ['axe did not run']
}

if (!hasBrowser) {
  test('pages in a browser are not tried: no /usr/bin/chromium on this machine (apt-get install chromium)', () => {
    process.stderr.write('chromium is missing: the pages were not opened in a browser\n')
    expect(hasBrowser).toBe(false)
  })
} else {
  describe.each([
    ['/', 'Fracture Liaison Service Database'],
    ['/api/docs', ''],
    ['/docs/index', ''],
  ])('%s', (address, heading) => {
    test('opens without a fault and without asking another host', async () => {
      const { page, faults } = await open(address)
      if (heading) expect(await page.textContent('h1')).toContain(heading)
      await page.waitForTimeout(300)
      expect(faults).toEqual([])
      await page.close()
    })
  })

  test('the first page shows one linked episode with its two sides and the reasons', async () => {
    const { page } = await open('/')
    const text = await page.innerText('main')
    expect(text).toContain('What the hospital sent')
    expect(text).toContain('What the GP practice sent')
    expect(text).toContain('Why they belong together')
    expect(text).toContain('269083002')
    await page.close()
  })

  test('the first page meets WCAG 2.2 AA as far as axe can tell', async () => {
    if (!browser) return
    const context = await browser.newContext({ bypassCSP: true })
    const page = await context.newPage()
    await page.goto(service.url)
    expect(await accessibilityFaults(page)).toEqual([])
    await context.close()
  })
}
