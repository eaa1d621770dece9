/** Being open costs next to nothing, whatever the size of the fleet. */
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { NO_BROWSER, newPage, settled } from './browser.ts'
import { type Answers, type FakeApi, Refusal, startFakeApi } from './fake-api.ts'
import { full } from './fixtures/answers.ts'
import { NOW } from './fixtures/base.ts'
import { running } from './fixtures/rollouts.ts'
import { overview } from './fixtures/system.ts'
import { useBrowser } from './use-browser.ts'

const MINUTES = 5
const ofFleet = (devices: number): Answers => {
  const [fleet] = overview.fleets
  const scaled = {
    ...fleet!,
    registered: devices,
    connected: devices,
    silent: 0,
    onTarget: { devices, of: devices },
  }
  return { ...full, getOverview: () => ({ ...overview, fleets: [scaled], rollouts: [] }) }
}

describe.skipIf(NO_BROWSER !== undefined)('polling', () => {
  const browser = useBrowser()
  const visit = async (
    answers: Answers,
    hash: string,
    look: (page: Page, fake: FakeApi, pass: (seconds: number) => Promise<void>) => Promise<void>,
  ): Promise<void> => {
    const fake = await startFakeApi(answers)
    const page = await newPage(browser(), { frozen: false })
    try {
      await page.clock.install({ time: NOW })
      await page.goto(`${fake.origin}/#/${hash}`)
      await settled(page)
      // In steps, so that answers arrive before the next question falls due.
      const pass = async (seconds: number): Promise<void> => {
        for (let s = 0; s < seconds; s++) {
          await page.clock.runFor(1_000)
          if (s % 3 === 0) await page.waitForTimeout(5)
        }
        await page.waitForLoadState('networkidle')
      }
      await look(page, fake, pass)
    } finally {
      await page.context().close()
      await fake.close()
    }
  }

  it('asks as often for 100,000 devices as for ten, and gets 304s', async () => {
    const idle = async (devices: number) => {
      let counted: { path: string; status: number }[] = []
      await visit(ofFleet(devices), 'overview', async (page, fake) => {
        fake.seen.length = 0
        // The next question is due ten seconds after an answer: exactly one falls into each step.
        for (let step = 1; step <= MINUTES * 6; step++) {
          const answered = page.waitForResponse(/overview/)
          await page.clock.runFor(10_000)
          await answered
          // The page takes the answer in, and sets its next timer.
          await page.waitForTimeout(60)
        }
        counted = fake.seen.map(({ path, status }) => ({ path, status }))
      })
      return counted
    }
    const [few, many] = [await idle(10), await idle(100_000)]
    expect(few.every(s => s.status === 304 && s.path === '/v1/overview')).toBe(true)
    expect(few).toHaveLength(MINUTES * 6)
    expect(many).toEqual(few)
  })

  it('asks nothing while nobody looks, and at once when somebody does again', () =>
    visit(ofFleet(10), 'overview', async (page, fake, pass) => {
      const look = (hidden: boolean) =>
        page.evaluate(
          `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))`,
        )
      await look(true)
      fake.seen.length = 0
      await pass(120)
      expect(fake.seen).toEqual([])
      await look(false)
      await pass(1)
      expect(fake.seen).toHaveLength(1)
    }))

  it('waits longer after failures, as long as it is told to, and says that what is shown is old', () =>
    visit(ofFleet(10), 'overview', async (page, fake, pass) => {
      const down = { title: 'Down', status: 503, detail: 'Being mended.', instance: 'r', code: 'DEPENDENCY' }
      fake.answers = { ...full, getOverview: () => new Refusal(503, down, { 'retry-after': '60' }) }
      await pass(11)
      fake.seen.length = 0
      await pass(55)
      expect(fake.seen).toEqual([])
      expect(await page.locator('main .notice').first().textContent()).toContain('What is shown is of')
      fake.answers = ofFleet(10)
      await pass(10)
      await expect.poll(() => page.locator('main .notice').count()).toBe(0)
    }))

  it('follows a running rollout every three seconds, an ended one not at all, and shows what changed', () =>
    visit(full, 'rollouts/cold-chain-v4', async (page, fake, pass) => {
      const asked = () => fake.seen.filter(s => s.path === '/v1/rollouts/cold-chain-v4').length
      fake.seen.length = 0
      await pass(30)
      expect(asked()).toBeGreaterThanOrEqual(9)
      expect(asked()).toBeLessThanOrEqual(11)
      const done = {
        ...running,
        status: 'COMPLETED' as const,
        phase: 'fleet',
        allowed: ['roll-back' as const],
        outlook: null,
      }
      fake.answers = { ...full, getRollout: () => done }
      await pass(4)
      await page.getByText('completed', { exact: true }).first().waitFor()
      fake.seen.length = 0
      await pass(30)
      expect(asked()).toBe(0)
    }))

  it('asks for a rollout once on load, and for an ended one after an order for a minute', () => {
    const ended = {
      ...{ ...running, status: 'COMPLETED' as const, phase: 'fleet', outlook: null },
      allowed: ['roll-back' as const],
    }
    return visit({ ...full, getRollout: () => ended }, 'rollouts/cold-chain-v4', async (page, fake, pass) => {
      const asked = () => fake.seen.filter(s => s.path === '/v1/rollouts/cold-chain-v4').length
      expect(asked()).toBe(1)
      await pass(10)
      expect(asked()).toBe(1)
      const order = page.getByRole('button', { name: 'Roll back' })
      await order.click()
      await page.getByLabel('Reason').fill('it reads the door wrong')
      await order.last().click()
      await page.locator('dialog').waitFor({ state: 'detached' })
      await pass(20)
      expect(asked()).toBeGreaterThan(5)
      await pass(60)
      fake.seen.length = 0
      await pass(15)
      expect(asked()).toBe(0)
    })
  })

  it('tells what changed, and only that', () =>
    visit(full, 'overview', async (page, fake, pass) => {
      const told = () => page.locator('#announcer').textContent()
      await pass(12)
      expect(await told()).toBe('')
      fake.answers = {
        ...full,
        getOverview: () => ({
          ...overview,
          rollouts: overview.rollouts.map(r => ({ ...r, status: 'PAUSED' as const })),
        }),
      }
      await pass(12)
      expect((await told())?.trim()).toBe('Rollout cold-chain-v4 is paused, phase canary.')
    }))

  it('does not move what is on the page when a poll brings nothing new', () =>
    visit(full, 'overview', async (page, _, pass) => {
      await page.evaluate(
        `globalThis.shift = 0; new PerformanceObserver(l => { for (const e of l.getEntries()) shift += e.value }).observe({ type: 'layout-shift' })`,
      )
      await pass(45)
      expect(await page.evaluate('shift')).toBe(0)
    }))
})
