/** Every screen in every state: it looks as it should, and can be used by those who do not see it. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compare, type Recorded, record, toleranceFor, UPDATE } from './baselines.ts'
import { launch, NO_BROWSER, newPage } from './browser.ts'
import { build } from './built.ts'
import { decode, difference, reduce } from './image.ts'
import { screens } from './screens.ts'
import { faults, open } from './visit.ts'

/** Wide enough for any letter to tell one version of a font from another. */
const SAMPLE = 'The quick brown fox jumps over the lazy dog 0123456789'

describe.skipIf(NO_BROWSER !== undefined)('screens', () => {
  let browser: Browser
  let here: Recorded
  let tolerance = 0
  const lesser = new Map<string, string[]>()
  beforeAll(async () => {
    await build()
    browser = await launch()
    const page = await newPage(browser)
    const font = (await page.evaluate(
      `(() => { const c = document.createElement('canvas').getContext('2d'); c.font = '100px "DejaVu Sans"'; return c.measureText('${SAMPLE}').width })()`,
    )) as number
    await page.context().close()
    here = { chromium: browser.version().split('.')[0] ?? '', font }
    if (UPDATE) record(here)
    tolerance = toleranceFor(here)
  })
  afterAll(async () => {
    await browser?.close()
    for (const [fault, names] of lesser) console.info(`axe, not serious: ${fault} on ${names.join(', ')}`)
  })

  it.each(screens.map(s => [s.name, s] as const))('%s', async (name, screen) => {
    const { page, complaints, close } = await open(browser, screen)
    try {
      const { serious, lesser: others } = await faults(page)
      for (const fault of others) lesser.set(fault, [...(lesser.get(fault) ?? []), name])
      expect.soft(serious).toEqual([])
      expect.soft(complaints).toEqual([])
      const beyond = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
      expect.soft(beyond, 'pixels beyond the right edge').toBe(0)
      expect.soft(compare(name, await page.screenshot(), tolerance)).toBeUndefined()
    } finally {
      await close()
    }
  })

  it('a button that has moved by four pixels is seen, and a word that is another', async () => {
    const { page, close } = await open(browser, screens.find(s => s.name === 'overview')!)
    try {
      const shot = async () => reduce(decode(await page.screenshot()))
      const right = await shot()
      expect(difference(right, await shot()).share).toBe(0)
      await page.evaluate(`document.querySelector('.card .commands').style.marginLeft = '4px'`)
      expect(difference(right, await shot()).share).toBeGreaterThan(tolerance)
      await page.evaluate(`document.querySelector('.card .commands').style.marginLeft = ''`)
      await page.evaluate(`document.querySelector('.tiles h2').textContent = 'Something else'`)
      expect(difference(right, await shot()).share).toBeGreaterThan(tolerance)
    } finally {
      await close()
    }
  })
})
