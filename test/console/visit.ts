/** Opens a screen as it is to be shown, and looks at it. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults, Result } from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { newPage, settled } from './browser.ts'
import { type FakeApi, startFakeApi } from './fake-api.ts'
import type { Screen } from './screens.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export interface Opened {
  readonly page: Page
  readonly fake: FakeApi
  /** What the browser complained of: scripts that failed, and what the content policy forbade. */
  readonly complaints: readonly string[]
  close(): Promise<void>
}

export async function open(browser: Browser, screen: Screen): Promise<Opened> {
  const fake = await startFakeApi(screen.answers)
  const page = await newPage(browser, {
    viewport: { width: screen.width ?? 1_100, height: screen.height ?? 800 },
    colorScheme: screen.dark ? 'dark' : 'light',
    ...(screen.token === undefined ? {} : { token: screen.token }),
  })
  const complaints: string[] = []
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', message => {
    // Answers that are refusals are part of some screens.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text())
  })
  if (screen.offline) await page.route('**/v1/**', route => route.abort('internetdisconnected'))
  await page.goto(`${fake.origin}/#/${screen.hash}`)
  await page.addStyleTag({ url: '/test.css' })
  await settled(page)
  return {
    ...{ page, fake, complaints },
    async close() {
      await page.context().close()
      await fake.close()
    },
  }
}

/** Faults that axe finds, by how bad they are for somebody who cannot do without. */
export async function faults(page: Page): Promise<Readonly<Record<'serious' | 'lesser', string[]>>> {
  await page.evaluate(axe)
  const { violations } = (await page.evaluate(
    'axe.run(document, { resultTypes: ["violations"] })',
  )) as AxeResults
  const serious = ({ impact }: Result): boolean => impact === 'serious' || impact === 'critical'
  const said = ({ id, help, nodes }: Result): string =>
    `${id}: ${help} (${nodes
      .map(n => n.html)
      .join(' | ')
      .slice(0, 400)})`
  return {
    serious: violations.filter(serious).map(said),
    lesser: violations.filter(v => !serious(v)).map(said),
  }
}
