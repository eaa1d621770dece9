/** What commands and lists do beyond looking right. */
import { describe, expect, it } from 'vitest'
import type { Review } from '../../console/api/types.ts'
import { NO_BROWSER, settled } from './browser.ts'
import { full, reviewing } from './fixtures/answers.ts'
import { digest, secondsAgo } from './fixtures/base.ts'
import { reviews } from './fixtures/system.ts'
import { useBrowser, visitScreen } from './use-browser.ts'
import type { Opened } from './visit.ts'

const mine = (n: number): Review => ({
  ...reviews.reviews[0]!,
  review: `cold-chain.s-${n}`,
  eventId: `s-${n}`,
})

describe.skipIf(NO_BROWSER !== undefined)('operations', () => {
  const browser = useBrowser()
  const visit = (
    hash: string,
    answers: typeof full,
    look: (opened: Opened) => Promise<void>,
  ): Promise<void> => visitScreen(browser(), { name: 'operations', hash, answers }, look)
  const posts = ({ fake }: Opened) => fake.seen.filter(s => s.method === 'POST')
  const bar = { ...full, barRelease: () => ({ model: 'cold-chain', reason: 'unsafe' }) }
  const give = async ({ page }: Opened, name: string): Promise<void> => {
    await page.getByRole('button', { name, exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Reason').fill('unsafe')
    await dialog.getByRole('button', { name, exact: true }).click()
    await dialog.waitFor({ state: 'detached' })
  }

  it('bars a version before the champion by its number', () =>
    visit('models/cold-chain?version=2', bar, async opened => {
      await give(opened, 'Bar')
      expect(posts(opened).map(s => s.body)).toEqual([{ minimumRelease: 3, reason: 'unsafe' }])
    }))

  it('bars a version after the champion by its packages, and leaves the champion alone', () =>
    visit('models/cold-chain?version=4', bar, async opened => {
      await give(opened, 'Bar')
      expect(posts(opened).map(s => s.body)).toEqual([{ revokedBundle: digest(4), reason: 'unsafe' }])
      const button = opened.page.getByRole('button', { name: 'Bar', exact: true })
      await opened.page.goto(`${opened.fake.origin}/#/models/cold-chain?version=3`)
      await expect.poll(() => button.getAttribute('title')).toContain('It is the champion')
      await opened.page.goto(`${opened.fake.origin}/#/models/cold-chain?version=6`)
      await expect.poll(() => button.getAttribute('title')).toContain('no package')
    }))

  it('passes over no sample, whether it is labelled or skipped', () => {
    const queue = [1, 2, 3, 4, 5].map(mine)
    return visit('reviews?model=cold-chain', reviewing(queue), async opened => {
      const { page } = opened
      for (const { eventId } of queue) {
        await page.getByRole('heading', { name: `Sample ${eventId}`, exact: true }).waitFor()
        if (eventId === 's-3') await give(opened, 'Skip')
        else await page.keyboard.press('1')
        await page.getByRole('button', { name: eventId, exact: true }).waitFor({ state: 'detached' })
      }
      expect(posts(opened).map(s => s.path)).toEqual(
        queue.map(r => `/v1/reviews/${r.review}/${r.eventId === 's-3' ? 'skip' : 'label'}`),
      )
    })
  })

  it('claims again under another key, and shows it on a later page of the list', () => {
    const claims: string[] = []
    const free = { ...mine(2), claim: null }
    const answers = {
      ...full,
      listReviews: ({ query }: { readonly query: Readonly<Record<string, string>> }) =>
        query['cursor'] === undefined
          ? { ...reviews, reviews: [mine(1)], next: 'page-2' }
          : {
              ...{ ...reviews, next: null },
              reviews: [
                claims.length === 0
                  ? free
                  : // The first claim has run out by the time that it is seen.
                    { ...free, claim: { by: 'operator', until: secondsAgo(claims.length > 1 ? -900 : 1) } },
              ],
            },
      claimReview: () => {
        claims.push('claimed')
        return free
      },
    }
    return visit('reviews?model=cold-chain', answers, async opened => {
      const { page } = opened
      await page.getByRole('button', { name: 'More', exact: true }).click()
      await page.getByRole('button', { name: 's-2', exact: true }).click()
      const claim = page.getByRole('button', { name: /^Claim/ })
      await claim.click()
      await expect.poll(() => claims.length).toBe(1)
      await page.waitForLoadState('networkidle')
      await claim.click()
      await page.locator('.review').getByText('yours', { exact: true }).waitFor()
      const keys = posts(opened).map(s => s.headers['idempotency-key'])
      expect(new Set(keys).size).toBe(2)
    })
  })

  it('asks for a decision that the list does not have', () =>
    visit('pipeline?model=cold-chain&decision=drift-older', full, async ({ page, fake }) => {
      await page.getByText('held back', { exact: true }).first().waitFor()
      expect(fake.seen.map(s => s.path)).toContain('/v1/models/cold-chain/retrain-decisions/drift-older')
    }))

  it('asks for devices by model only with a version', () =>
    visit('fleets/containers/devices?model=cold-chain', full, async ({ page, fake }) => {
      await page.getByText('fill in the version as well').waitFor()
      const asked = () => fake.seen.filter(s => s.path.includes('/devices')).map(s => s.path)
      expect(asked()).toEqual(['/v1/fleets/containers/devices'])
      await page.getByLabel('Version').fill('3')
      await page.getByLabel('Version').press('Enter')
      await settled(page)
      await expect.poll(asked).toContain('/v1/fleets/containers/devices?model=cold-chain&version=3')
    }))

  it('begins a rollout at once, or leaves that to somebody', () => {
    const started = {
      ...{ rollout: 'cold-chain-v2-0', model: 'cold-chain', version: 2 },
      ...{ fleet: 'containers', slot: 'climate' },
    }
    return visit('rollouts', { ...full, planRollout: () => started }, async opened => {
      const { page } = opened
      const label = 'Roll out an earlier version'
      for (const begin of ['now', 'later']) {
        await page.getByRole('button', { name: label }).click()
        const dialog = page.getByRole('dialog')
        await dialog.getByLabel('Version').fill('2')
        await dialog.getByLabel('Begin').selectOption(begin)
        await dialog.getByLabel('Reason').fill('calmer')
        await dialog.getByRole('button', { name: label }).click()
        await dialog.waitFor({ state: 'detached' })
        expect(await page.locator('#announcer').textContent()).toContain(
          begin === 'now' ? 'begins' : 'is planned',
        )
      }
      expect(posts(opened).map(s => (s.body as { start: boolean }).start)).toEqual([true, false])
    })
  })
})
