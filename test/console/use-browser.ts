/** What tests in a browser begin and end with. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect } from 'vitest'
import { launch } from './browser.ts'
import { build } from './built.ts'
import type { Screen } from './screens.ts'
import { type Opened, open } from './visit.ts'

/** The console is built and a browser is there for the tests of a block, which get it by calling what this returns. */
export function useBrowser(): () => Browser {
  let browser: Browser | undefined
  beforeAll(async () => {
    await build()
    browser = await launch()
  })
  afterAll(() => browser?.close())
  return () => {
    if (browser === undefined) throw new Error('the browser is there within tests only')
    return browser
  }
}

/** Looks at a screen, of which the browser may complain of nothing. */
export async function visitScreen(
  browser: Browser,
  screen: Screen,
  look: (opened: Opened) => Promise<void>,
): Promise<void> {
  const opened = await open(browser, screen)
  try {
    await look(opened)
    expect(opened.complaints).toEqual([])
  } finally {
    await opened.close()
  }
}
