/** Everything can be reached and done without a mouse. */
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { NO_BROWSER, settled } from './browser.ts'
import { full, illegal, reviewing } from './fixtures/answers.ts'
import { reviews } from './fixtures/system.ts'
import { screens } from './screens.ts'
import { useBrowser, visitScreen } from './use-browser.ts'
import type { Opened } from './visit.ts'

const focused = (page: Page): Promise<string> =>
  page.evaluate(
    '(() => { const e = document.activeElement; return (e.getAttribute("aria-label") ?? e.textContent ?? "").trim() || e.tagName })()',
  )
const inside = (page: Page, selector: string): Promise<boolean> =>
  page.evaluate(`document.activeElement.closest(${JSON.stringify(selector)}) !== null`)

describe.skipIf(NO_BROWSER !== undefined)('keyboard', () => {
  const browser = useBrowser()
  const visit = (name: string, look: (opened: Opened) => Promise<void>): Promise<void> =>
    visitScreen(browser(), screens.find(s => s.name === name)!, look)

  it('begins with a way past the menu, and goes through the page in reading order', () =>
    visit('overview', async ({ page }) => {
      await page.keyboard.press('Tab')
      expect(await focused(page)).toBe('Skip to the page')
      await page.keyboard.press('Enter')
      expect(await focused(page)).toBe('Overview')
      const order: string[] = []
      for (let i = 0; i < 24; i++) {
        await page.keyboard.press('Tab')
        order.push(await focused(page))
      }
      const places = [
        '231',
        '240',
        '7 silent devices',
        '234',
        '4.1 %',
        'Pause',
        'Abort',
        'More commands',
      ].map(name => order.indexOf(name))
      expect(places).toEqual(places.toSorted((a, b) => a - b))
      expect(places[0]).toBe(0)
    }))

  it('reaches every control of a page, and traps nobody', () =>
    visit('rollout', async ({ page }) => {
      const controls = (await page.evaluate(
        `[...document.querySelectorAll('a[href], button, select, input, textarea, summary, [tabindex="0"]')].filter(e => e.checkVisibility() && e.tabIndex >= 0).length`,
      )) as number
      await page.evaluate('document.activeElement.blur()')
      const seen = new Set<number>()
      await page.evaluate('globalThis.known = new Map()')
      for (let i = 0; i < controls + 5; i++) {
        await page.keyboard.press('Tab')
        seen.add(
          (await page.evaluate(
            '(() => { const e = document.activeElement; if (e === document.body) return -1; if (!known.has(e)) known.set(e, known.size); return known.get(e) })()',
          )) as number,
        )
      }
      seen.delete(-1)
      expect(seen.size).toBe(controls)
    }))

  it('goes to pages by two keys, lists them with a third, and can be told to leave single keys alone', () =>
    visit('overview', async ({ page }) => {
      await page.keyboard.press('g')
      await page.keyboard.press('r')
      await page.waitForURL(/#\/rollouts$/)
      await settled(page)
      expect(await focused(page)).toBe('Rollouts')
      await page.keyboard.press('/')
      expect(await page.evaluate('document.activeElement.tagName')).toBe('INPUT')
      // Typed into a field, keys are text.
      await page.keyboard.press('?')
      expect(await page.locator('dialog').count()).toBe(0)
      await page.evaluate('document.activeElement.blur()')
      await page.keyboard.press('?')
      await page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
      await page.getByLabel('Single keys are on').uncheck()
      await page.keyboard.press('Escape')
      expect(await page.locator('dialog').count()).toBe(0)
      await page.keyboard.press('g')
      await page.keyboard.press('o')
      await page.keyboard.press('?')
      expect(await page.locator('dialog').count()).toBe(0)
      expect(page.url()).toMatch(/#\/rollouts/)
    }))

  it('keeps the focus in a dialog, and gives it back', () =>
    visit('rollout', async ({ page }) => {
      const opener = page.getByRole('button', { name: 'Pause' })
      await opener.focus()
      await page.keyboard.press('Enter')
      await page.getByRole('dialog', { name: 'Pause' }).waitFor()
      for (let i = 0; i < 8; i++) {
        expect(await inside(page, 'dialog, body:not(:has(dialog))')).toBe(true)
        await page.keyboard.press('Tab')
        // The browser's own controls come after the last one; from there it goes back inside.
        if ((await page.evaluate('document.activeElement === document.body')) === true)
          await page.keyboard.press('Tab')
      }
      await page.keyboard.press('Escape')
      await page.locator('dialog').waitFor({ state: 'detached' })
      await expect.poll(() => focused(page)).toBe('Pause')
    }))

  it('gives a command with a reason, tells what was wrong with it, and repeats it under the same key', () =>
    visit('rollout', async ({ page, fake }) => {
      fake.answers = { ...full, commandRollout: illegal }
      await page.getByRole('button', { name: 'Pause' }).focus()
      await page.keyboard.press('Enter')
      await page.keyboard.press('Enter')
      expect(fake.seen.filter(s => s.method === 'POST')).toEqual([])
      await page.getByLabel('Reason').fill('the depot is closed')
      await page.getByRole('button', { name: 'Pause' }).last().press('Enter')
      await page.getByRole('alert').waitFor()
      const alert = await page.getByRole('alert').textContent()
      for (const part of ['Does not fit the state', 'pause is for RUNNING', 'command', 'req-7f3a1c'])
        expect(alert).toContain(part)
      fake.answers = full
      await page.getByRole('button', { name: 'Try again' }).press('Enter')
      await page.locator('dialog').waitFor({ state: 'detached' })
      const [first, second] = fake.seen.filter(s => s.method === 'POST')
      expect(first).toMatchObject({
        path: '/v1/rollouts/cold-chain-v4/commands',
        body: { command: 'pause', reason: 'the depot is closed' },
      })
      expect(second?.body).toEqual(first?.body)
      expect(first?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/)
      expect(second?.headers['idempotency-key']).toBe(first?.headers['idempotency-key'])
      await expect.poll(() => focused(page)).toBe('Pause')
      expect(await page.locator('#announcer').textContent()).toContain('Pause: accepted')
    }))

  it('follows a link from another page to a part of a page, with the focus', () =>
    visit('rollout', async ({ page }) => {
      await page.getByRole('link', { name: /urgent/ }).press('Enter')
      await page.getByRole('heading', { name: 'Overview' }).waitFor()
      await expect.poll(() => focused(page)).toBe('Needs attention')
    }))

  it('folds rarer commands out and back', () =>
    visit('rollout', async ({ page }) => {
      const more = page.getByRole('button', { name: 'More commands' })
      await more.press('Enter')
      expect(await more.getAttribute('aria-expanded')).toBe('true')
      await page.keyboard.press('Tab')
      expect(await focused(page)).toBe('Promote without proof')
      await page.keyboard.press('Escape')
      expect(await more.getAttribute('aria-expanded')).toBe('false')
      expect(await focused(page)).toBe('More commands')
    }))

  it('walks the heat map with the arrows: one stop for Tab, Enter shows a cell', () =>
    visit('model', async ({ page }) => {
      expect(await page.locator('.cell[tabindex="0"]').count()).toBe(1)
      await page.locator('.cell[tabindex="0"]').focus()
      expect(await focused(page)).toContain('humidity, 11:00')
      await page.keyboard.press('ArrowLeft')
      await page.keyboard.press('ArrowUp')
      expect(await focused(page)).toContain('confidence, 10:00')
      await page.keyboard.press('Home')
      expect(await focused(page)).toContain('confidence, 12:00')
      await page.keyboard.press('Enter')
      await page.waitForURL(/window=494099&quantity=confidence/)
      await page.getByRole('heading', { name: /^confidence in the window/ }).waitFor()
    }))

  it('labels a review with a digit, and does not with single keys in a field', () =>
    visit('reviews', async ({ page, fake }) => {
      fake.answers = reviewing(reviews.reviews)
      await page.keyboard.press('2')
      await expect
        .poll(() => fake.seen.find(s => s.method === 'POST'))
        .toMatchObject({
          path: '/v1/reviews/cold-chain.0a1b-42/label',
          body: { label: 'tampered' },
        })
      // The next one is claimed by somebody else: digits do nothing.
      await page.getByRole('heading', { name: 'Sample 0a1b-43' }).waitFor()
      await page.keyboard.press('1')
      await page.keyboard.press('j')
      await page.getByRole('heading', { name: 'Sample 0a1b-44' }).waitFor()
      await page.keyboard.press('k')
      await page.getByRole('heading', { name: 'Sample 0a1b-43' }).waitFor()
      expect(fake.seen.filter(s => s.method === 'POST')).toHaveLength(1)
    }))
})
