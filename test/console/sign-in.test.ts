/** Signing in with PKCE or a pasted token, staying signed in, and not being allowed to. */
import { createHash } from 'node:crypto'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { ALL_SCOPES, NO_BROWSER, newPage, tokenOf } from './browser.ts'
import { type Answers, CONFIG, type FakeApi, Refusal, startFakeApi } from './fake-api.ts'
import { full } from './fixtures/answers.ts'
import { NOW } from './fixtures/base.ts'
import { useBrowser } from './use-browser.ts'

const PLACE = '#/rollouts/cold-chain-v4?outcome=FAILED'
const access = tokenOf('ida', ALL_SCOPES)

/** An issuer on the page's own origin. */
function issuer(fake: FakeApi) {
  const seen: { authorize: URLSearchParams | undefined; tokens: URLSearchParams[] } = {
    authorize: undefined,
    tokens: [],
  }
  fake.config = {
    ...CONFIG,
    ...{
      authorizeUrl: `${fake.origin}/authorize`,
      tokenUrl: `${fake.origin}/token`,
      logoutUrl: `${fake.origin}/logout`,
    },
  }
  fake.other = (request, response) => {
    const url = new URL(request.url ?? '', fake.origin)
    if (url.pathname === '/authorize') {
      seen.authorize = url.searchParams
      const back = new URL(url.searchParams.get('redirect_uri') ?? '')
      back.search = String(new URLSearchParams({ code: 'c0de', state: url.searchParams.get('state') ?? '' }))
      response.writeHead(302, { location: back.href }).end()
      return true
    }
    if (url.pathname !== '/token') return false
    let text = ''
    request.on('data', chunk => {
      text += chunk
    })
    request.on('end', () => {
      const fields = new URLSearchParams(text)
      seen.tokens.push(fields)
      const known = fields.get('grant_type') === 'authorization_code' || seen.tokens.length < 3
      response.writeHead(known ? 200 : 400, { 'content-type': 'application/json' })
      response.end(
        JSON.stringify(known ? { access_token: access, refresh_token: 'again' } : { error: 'invalid_grant' }),
      )
    })
    return true
  }
  return seen
}

describe.skipIf(NO_BROWSER !== undefined)('signing in', () => {
  const browser = useBrowser()
  const visit = async (
    { answers = full, token = null }: { readonly answers?: Answers; readonly token?: string | null },
    look: (page: Page, fake: FakeApi) => Promise<void>,
  ): Promise<void> => {
    const fake = await startFakeApi(answers)
    const page = await newPage(browser(), { token })
    try {
      await look(page, fake)
    } finally {
      await page.context().close()
      await fake.close()
    }
  }

  it('goes to the issuer with a challenge, comes back to the same place, and renews what has run out', () =>
    visit({}, async (page, fake) => {
      const seen = issuer(fake)
      await page.goto(`${fake.origin}/${PLACE}`)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('heading', { name: 'Rollout cold-chain-v4' }).waitFor()
      expect(page.url()).toBe(`${fake.origin}/${PLACE}`)
      expect(Object.fromEntries(seen.authorize ?? [])).toMatchObject({
        ...{
          response_type: 'code',
          client_id: 'console',
          code_challenge_method: 'S256',
          scope: 'edgeloop/fleet:read',
        },
        redirect_uri: `${fake.origin}/`,
      })
      const [exchange] = seen.tokens
      const verifier = exchange?.get('code_verifier') ?? ''
      expect(exchange?.get('code')).toBe('c0de')
      expect(createHash('sha256').update(verifier).digest('base64url')).toBe(
        seen.authorize?.get('code_challenge'),
      )
      await expect.poll(() => fake.seen.length).toBeGreaterThan(1)
      expect(fake.seen.every(s => s.headers.authorization === `Bearer ${access}`)).toBe(true)
      // The token has run out: it is renewed once, and nobody is asked.
      let refused = 0
      fake.answers = {
        ...full,
        listModels: () =>
          refused++ === 0 ? new Refusal(401, { message: 'Unauthorized' }) : { models: [], next: null },
      }
      await page.goto(`${fake.origin}/#/models`)
      await page.getByText('No model yet.').waitFor()
      expect(seen.tokens[1]?.get('grant_type')).toBe('refresh_token')
      // It cannot be renewed any more: back to the beginning, with the place kept.
      fake.answers = { ...full, listAudit: () => new Refusal(401, { message: 'Unauthorized' }) }
      await page.goto(`${fake.origin}/#/audit`)
      await page.getByRole('button', { name: 'Sign in' }).waitFor()
      expect(page.url()).toBe(`${fake.origin}/#/audit`)
      expect(seen.tokens).toHaveLength(3)
    }))

  it('refuses an answer that it did not ask for, and tells what the issuer said', () =>
    visit({}, async (page, fake) => {
      const seen = issuer(fake)
      await page.goto(`${fake.origin}/?code=stolen&state=other`)
      expect(await page.getByRole('alert').textContent()).toContain('was not begun here')
      expect(seen.tokens).toEqual([])
      await page.goto(`${fake.origin}/?error=access_denied&error_description=Not+today`)
      expect(await page.getByRole('alert').textContent()).toContain('Not today')
    }))

  it('says so when the issuer is not reached on the way back', () =>
    visit({}, async (page, fake) => {
      issuer(fake)
      fake.config = { ...fake.config, tokenUrl: 'http://127.0.0.1:1/token' }
      await page.goto(`${fake.origin}/${PLACE}`)
      await page.getByRole('button', { name: 'Sign in' }).click()
      expect(await page.getByRole('alert').textContent()).toContain('the issuer could not be reached')
      expect(page.url()).toBe(`${fake.origin}/${PLACE}`)
    }))

  it('asks again for its configuration when the edge has a hiccup, and says what it got when it lasts', () =>
    visit({}, async (page, fake) => {
      let left = 2
      fake.other = (request, response) => {
        const hiccup = request.url === '/config.json' && left-- > 0
        if (hiccup) response.writeHead(502).end()
        return hiccup
      }
      await page.goto(`${fake.origin}/`)
      await page.getByRole('heading', { name: 'Edgeloop' }).waitFor()
      left = 3
      await page.reload()
      await page.getByText('This page could not start: config.json').waitFor()
      expect(await page.locator('main').textContent()).toContain('answered 502')
      expect(left).toBe(0)
    }))

  it('takes a pasted token, but not one that has run out, and forgets it on signing out', () =>
    visit({}, async (page, fake) => {
      await page.goto(`${fake.origin}/#/fleets`)
      const old = `x.${Buffer.from(JSON.stringify({ exp: NOW / 1_000 - 5 })).toString('base64url')}.x`
      await page.getByLabel('Access token').fill(old)
      await page.getByRole('button', { name: 'Use this token' }).click()
      expect(await page.getByRole('alert').textContent()).toContain('expired')
      await page.getByLabel('Access token').fill(` ${access}\n`)
      await page.getByRole('button', { name: 'Use this token' }).click()
      await page.getByRole('heading', { name: 'Fleets' }).waitFor()
      await page.reload()
      await page.getByRole('heading', { name: 'Fleets' }).waitFor()
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByLabel('Access token').waitFor()
      expect(await page.evaluate('sessionStorage.length')).toBe(0)
    }))

  it('says which scope is missing: before a command by the token, after a question by the answer', () =>
    visit(
      {
        token: tokenOf('auditor', ['fleet:read']),
        answers: { ...full, listReviews: () => new Refusal(403, { message: 'Forbidden' }) },
      },
      async (page, fake) => {
        await page.goto(`${fake.origin}/#/rollouts/cold-chain-v4`)
        const pause = page.getByRole('button', { name: 'Pause' })
        await pause.waitFor()
        expect(await pause.getAttribute('aria-disabled')).toBe('true')
        expect(await pause.getAttribute('title')).toBe('Your token lacks the scope rollouts:write.')
        await pause.click({ force: true })
        expect(await page.locator('dialog').count()).toBe(0)
        await page.goto(`${fake.origin}/#/reviews?model=cold-chain`)
        await page.getByText('It needs the scope labels:write').waitFor()
      },
    ))

  it('lets nobody approve what they asked for themselves', () =>
    visit({ token: tokenOf('ida', ALL_SCOPES) }, async (page, fake) => {
      await page.goto(`${fake.origin}/#/rollouts/cold-chain-v5`)
      const approve = page.getByRole('button', { name: 'Approve' })
      await approve.waitFor()
      expect(await approve.getAttribute('title')).toContain('another person')
    }))
})
