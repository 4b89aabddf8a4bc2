import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { JsonObject } from '../src/sources/fhir/json.ts'
import { answersOf } from '../src/sources/form/edit.ts'
import { patientAuditQuestionnaire } from '../src/sources/form/questionnaire.ts'
import { validateResponse } from '../src/sources/form/validate-response.ts'

/**
 * `npm run lhc-forms`: opens our form in LHC-Forms (the renderer of the US National Library of Medicine, fetched from the package registry into
 * `.cache`) in Debian's chromium, loads each good sample response, asks the renderer for complaints, reads the response back and judges it as
 * our door would. One JSON line a sample: questions shown, what the renderer complains of, answers that came back changed, our findings, errors
 * of the page. Exit code 1 when any of these is there. `--screenshot FILE` keeps a picture of the last.
 */
const lforms = {
  name: 'lforms',
  version: '40.1.3',
  sha512: 'WLruTm+BcVnafC0rSAQ3/cNqhxvclBUxyBG68aub/uha2NaK9H8ZZcEXTTuORuGzzCt0wa7fvhuieZtcDIdPzQ==',
} as const
const scripts = ['webcomponent/assets/lib/zone.min.js', 'webcomponent/lhc-forms.js', 'fhir/R4/lformsFHIR.min.js']
const root = path.join(import.meta.dirname, '..')
const samples = ['good-completed.json', 'good-in-progress.json']
const run = promisify(execFile)

type Shown = { readonly complaints: readonly string[]; readonly response: JsonObject }

const folder = await fetchRenderer(path.join(root, '.cache', 'lhc-forms'))
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })
try {
  for (const sample of samples) {
    const verdict = await openIn(browser, folder, sample)
    process.stdout.write(`${JSON.stringify(verdict)}\n`)
    const { missing, complaints, changed, findings, errors } = verdict
    if ([missing, complaints, changed, findings, errors].some(list => list.length > 0)) process.exitCode = 1
  }
} finally {
  await browser.close()
}

/** Folder of the unpacked renderer; throws when what came is not what was pinned. */
async function fetchRenderer(cache: string): Promise<string> {
  const unpacked = path.join(cache, lforms.version)
  const isThere = await access(path.join(unpacked, 'package', 'package.json')).then(
    () => true,
    () => false,
  )
  if (!isThere) {
    await mkdir(unpacked, { recursive: true })
    await run('npm', ['pack', `${lforms.name}@${lforms.version}`, '--pack-destination', cache], { timeout: 120_000 })
    const archive = path.join(cache, `${lforms.name}-${lforms.version}.tgz`)
    const sha512 = createHash('sha512')
      .update(await readFile(archive))
      .digest('base64')
    if (sha512 !== lforms.sha512) throw new Error(`${archive} is not the pinned package: its SHA-512 is ${sha512}`)
    await run('tar', ['-xzf', archive, '-C', unpacked])
  }
  return path.join(unpacked, 'package', 'dist', 'lforms')
}

async function openIn(browser: Browser, folder: string, sample: string) {
  const questionnaire = patientAuditQuestionnaire()
  const sent = JSON.parse(await readFile(path.join(root, 'samples', 'forms', sample), 'utf8'))
  const page = await browser.newPage({ viewport: { width: 1_000, height: 1_400 } })
  const errors: string[] = []
  page.on('pageerror', error => errors.push(String(error)))
  await load(page, folder)
  const shown = await page.evaluate(
    async ([form, response]): Promise<Shown> => {
      const { Util } = (globalThis as unknown as { LForms: { Util: LhcForms } }).LForms
      await Util.addFormToPage(form, 'form', { fhirVersion: 'R4', questionnaireResponse: response })
      return {
        complaints: Util.checkValidity('#form') ?? [],
        response: Util.getFormFHIRData('QuestionnaireResponse', 'R4', '#form'),
      }
    },
    [questionnaire, sent],
  )
  const labels = (await page.locator('#form').textContent()) ?? ''
  const picture = process.argv[process.argv.indexOf('--screenshot') + 1]
  if (process.argv.includes('--screenshot') && picture) await page.screenshot({ path: picture, fullPage: true })
  await page.close()
  // The renderer leaves the status to whoever embeds it.
  const back = { ...shown.response, status: sent.status }
  const [before, after] = [answersOf(sent, new WeakMap()), answersOf(back, new WeakMap())]
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    linkId => String(before.get(linkId)) !== String(after.get(linkId)),
  )
  const asked = questionnaire.item?.flatMap(({ item }) => item ?? []) ?? []
  return {
    renderer: `${lforms.name} ${lforms.version}`,
    sample,
    answers: before.size,
    missing: asked.filter(item => !item.enableWhen && !labels.includes(item.text ?? '')).map(one => one.linkId),
    complaints: sent.status === 'completed' ? shown.complaints : [],
    changed,
    findings: validateResponse(back, JSON.parse(JSON.stringify(questionnaire)))
      .filter(({ severity }) => severity === 'error')
      .map(({ code, where }) => `${code} ${where}`),
    errors,
  }
}

/** What LHC-Forms offers to a page that embeds it. */
type LhcForms = {
  addFormToPage(form: object, element: string, options: object): Promise<void>
  checkValidity(element: string): string[] | null
  getFormFHIRData(type: string, version: string, element: string): JsonObject
}

/** A page with the renderer in it and nothing from outside. */
async function load(page: Page, folder: string): Promise<void> {
  const address = 'http://forms.invalid/'
  const body = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Form</title><div id="form"></div></html>'
  await page.route('**', route =>
    route.request().url() === address ? route.fulfill({ contentType: 'text/html', body }) : route.abort(),
  )
  await page.goto(address)
  await page.addStyleTag({ path: path.join(folder, 'webcomponent', 'styles.css') })
  for (const script of scripts) await page.addScriptTag({ path: path.join(folder, script) })
}
