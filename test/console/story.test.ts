/** The cold-chain story as an operator sees it, in a real browser against the local cloud. */
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Answer } from '../../console/api/types.ts'
import { claimsOf } from '../../console/auth/token.ts'
import { launch, NO_BROWSER } from './browser.ts'
import { type StoryWorld, startStoryWorld } from './story-world.ts'

const PATIENCE_MS = 60_000

describe.skipIf(NO_BROWSER !== undefined)('the story', () => {
  let world: StoryWorld
  let browser: Browser
  const complaints: string[] = []
  beforeAll(async () => {
    ;[world, browser] = await Promise.all([startStoryWorld(), launch()])
  })
  afterAll(async () => {
    await browser?.close()
    await world?.close()
  })

  /** Signs in on the issuer's own page. */
  async function signIn(username: string, place: string): Promise<{ page: Page; sub: string }> {
    const context = await browser.newContext({ viewport: { width: 1_100, height: 900 } })
    context.setDefaultTimeout(PATIENCE_MS)
    const page = await context.newPage()
    page.on('pageerror', error => complaints.push(`${page.url()}: ${error.message}`))
    page.on('console', message => {
      if (message.type() === 'error') complaints.push(`${page.url()}: ${message.text()}`)
    })
    await page.goto(`${world.url}/${place}`)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByLabel('Username').fill(username)
    await page.getByLabel('Password').fill(world.people.find(p => p.username === username)?.password ?? '')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await shown(page, page.locator('nav'))
    const kept = (await page.evaluate("sessionStorage.getItem('edgeloop.session')")) as string
    const { sub = '' } = claimsOf((JSON.parse(kept) as { access: string }).access)
    return { page, sub }
  }
  /** Where it does not come, what is there instead. */
  const shown = (page: Page, wanted: Locator): Promise<void> =>
    wanted.waitFor().catch(async (error: Error) => {
      const text = await page.locator('body').textContent()
      throw new Error(`${error.message}\n${page.url()} shows:\n${text}\n${complaints.join('\n')}`)
    })
  const order = async (page: Page, name: string, reason: string): Promise<void> => {
    await page.locator('main').getByRole('button', { name, exact: true }).first().click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Reason').fill(reason)
    await dialog.getByRole('button', { name, exact: true }).click()
    await dialog.waitFor({ state: 'detached' })
  }
  const status = (page: Page, text: string): Promise<void> =>
    page.locator('.heading').getByText(text, { exact: true }).waitFor()

  it('is followed, paused, approved and rolled back, and a sample is labelled', {
    timeout: 240_000,
  }, async () => {
    await world.firstVersion()
    const oli = await signIn('oli', '#/overview')
    const { page } = oli

    // Followed from the overview to the rollout's own page, which is never loaded again.
    await page.getByRole('link', { name: 'cold-chain v1', exact: true }).click()
    await page.getByRole('heading', { name: 'Rollout cold-chain-v1' }).waitFor()
    await status(page, 'waits for approval of fleet')
    await page.getByText(/^[4-9] active$/).waitFor()
    const approve = page.getByRole('button', { name: 'Approve' })
    expect(await approve.getAttribute('title')).toBe('Your token lacks the scope rollouts:approve.')

    await order(page, 'Pause', 'the depot is closed')
    await status(page, 'paused')
    await order(page, 'Resume', 'it is open again')
    await status(page, 'running')

    const ava = await signIn('ava', '#/rollouts/cold-chain-v1')
    await order(ava.page, 'Approve', 'seen in the depot')
    await status(page, 'completed')
    expect(world.field.states().every(s => s.version === 1)).toBe(true)

    // The field moves to where the model was never trained, and people are asked.
    await world.drift()
    const lea = await signIn('lea', '#/reviews?model=cold-chain')
    await lea.page.getByRole('heading', { name: /^Sample / }).waitFor()
    const sample = ((await lea.page.getByRole('heading', { name: /^Sample / }).textContent()) ?? '').slice(7)
    await lea.page.keyboard.press('c')
    await lea.page.locator('.review').getByText('yours', { exact: true }).waitFor()
    await lea.page.keyboard.press('2')
    await expect
      .poll(() => world.get('/v1/models/cold-chain/samples?labelled=true'), { timeout: PATIENCE_MS })
      .toMatchObject({
        samples: expect.arrayContaining([expect.objectContaining({ eventId: sample, labelClass: '1' })]),
      })

    // Another version, taken back while its canaries have it.
    await world.secondVersion()
    await page.goto(`${world.url}/#/rollouts`)
    await page.getByRole('link', { name: 'cold-chain-v2', exact: true }).click()
    await status(page, 'waits for approval of fleet')
    await page.getByRole('button', { name: 'More commands' }).click()
    await order(page, 'Roll back', 'it reads the door wrong')
    await status(page, 'rolled back')
    await expect
      .poll(() => world.field.states().every(s => s.version === 1), { timeout: PATIENCE_MS })
      .toBe(true)

    // Who did what is on record, and shown.
    const { audit } = (await world.get('/v1/audit')) as Answer<'listAudit'>
    const said = audit.map(a => [a.by, a.action, a.subject, JSON.stringify(a.change)].join(' '))
    const by = (sub: string, ...parts: string[]) =>
      said.some(line => line.startsWith(sub) && parts.every(part => line.includes(part)))
    expect(by(oli.sub, 'pause', 'cold-chain-v1', 'the depot is closed'), said.join('\n')).toBe(true)
    expect(by(oli.sub, 'resume', 'cold-chain-v1')).toBe(true)
    expect(by(ava.sub, 'approve', 'cold-chain-v1', 'seen in the depot')).toBe(true)
    expect(by(oli.sub, 'roll-back', 'cold-chain-v2', 'it reads the door wrong')).toBe(true)
    await page.goto(`${world.url}/#/audit`)
    await page.getByText('it reads the door wrong', { exact: true }).waitFor()
    await page.locator(`main [title="${ava.sub}"]`).getByText('ava', { exact: true }).first().waitFor()

    // Every page, as the real API fills it.
    const pages: readonly (readonly [place: string, shows: string | RegExp])[] = [
      ['overview', 'Versions over time'],
      ['fleets', 'containers'],
      ['fleets/containers', 'cold-chain v1'],
      ['fleets/containers/devices?model=cold-chain&version=1', 'containers-0001'],
      ['devices/containers-0001', 'What it should run, and why'],
      ['enrolments', 'containers-0012'],
      ['models', 'cold-chain'],
      ['models/cold-chain', 'humidity'],
      ['pipeline?model=cold-chain', 'Last runs'],
      ['lineage?of=cold-chain@1', 'Source'],
      [`lineage?of=${sample}&model=cold-chain`, 'Prediction'],
      ['inputs', 'Rejected inputs'],
      ['dead-letters', 'all empty'],
    ]
    for (const [place, shows] of pages) {
      await page.goto(`${world.url}/#/${place}`)
      await page.locator('main').getByText(shows).first().waitFor()
      await page.waitForLoadState('networkidle')
      expect(await page.locator('main [role="alert"]').allTextContents(), place).toEqual([])
    }
    expect(complaints).toEqual([])
  })
})
