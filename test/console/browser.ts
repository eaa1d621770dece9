/** A real browser, where there is one. */
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { NOW } from './fixtures/base.ts'

const PLACES = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]
const found = PLACES.find(path => path !== undefined && existsSync(path))
/** Why the tests in a browser do not run; undefined where they do. */
export const NO_BROWSER =
  found === undefined
    ? 'No Chromium found: the tests of the console in a browser are skipped. Install one (Debian: apt-get install chromium fonts-dejavu-core) or name it in CHROMIUM.'
    : undefined
if (NO_BROWSER !== undefined) console.warn(NO_BROWSER)

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: found ?? '',
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--font-render-hinting=none'],
      ...['--disable-lcd-text', '--force-color-profile=srgb', '--hide-scrollbars'],
    ],
  })

/** A token as an issuer would make it; nobody checks its signature here. */
export function tokenOf(sub: string, scopes: readonly string[]): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const scope = scopes.map(s => `edgeloop/${s}`).join(' ')
  return `${part({ alg: 'none' })}.${part({ sub, scope, exp: NOW / 1_000 + 3_600 })}.none`
}
export const ALL_SCOPES = [
  ...['fleet:read', 'devices:write', 'rollouts:write', 'rollouts:approve'],
  ...['models:write', 'models:approve', 'labels:write', 'queues:write'],
]

export interface Visit extends BrowserContextOptions {
  readonly token?: string | null
  /** The clock stands still unless this is false. */
  readonly frozen?: boolean
}

/** A page in a context of its own: signed in, at a fixed time, in UTC, without motion. */
export async function newPage(browser: Browser, visit: Visit = {}): Promise<Page> {
  const { token = tokenOf('operator', ALL_SCOPES), frozen = true, ...options } = visit
  const context = await browser.newContext({
    ...{
      viewport: { width: 1_100, height: 800 },
      timezoneId: 'UTC',
      locale: 'en-GB',
      reducedMotion: 'reduce',
    },
    ...options,
  })
  if (frozen) await context.clock.setFixedTime(NOW)
  if (token !== null) {
    const kept = JSON.stringify(JSON.stringify({ access: token }))
    await context.addInitScript(`sessionStorage.setItem('edgeloop.session', ${kept})`)
  }
  return context.newPage()
}

/** Waits until nothing is being loaded any more. */
export async function settled(page: Page): Promise<void> {
  await page.waitForSelector('#root h1')
  await page.waitForLoadState('networkidle')
  // One at a time: waiting by a function of our own would need eval, which the page's policy forbids.
  const loading = page.locator('.skeleton')
  while ((await loading.count()) > 0) await loading.first().waitFor({ state: 'detached' })
}
