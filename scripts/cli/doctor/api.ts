/** The operators' API, and what the token that would be used may do. */
import * as z from 'zod'
import { scopes, scopesOf } from '../../../src/contracts/scopes.ts'
import { durationText } from '../text.ts'
import { type Check, fail, type Look, ok, skip, warn } from './check.ts'

const TIMEOUT_MS = 10_000

const claims = z.object({
  scope: z.string().optional(),
  scp: z.union([z.string(), z.array(z.string())]).optional(),
  exp: z.number().optional(),
})

/** What a token says of itself; whether it is true is the API's to say. */
function claimsOf(token: string): z.infer<typeof claims> | undefined {
  try {
    const [, body = ''] = token.split('.')
    return claims.parse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8')))
  } catch {
    return undefined
  }
}

const HOW = 'npx edgeloop login, or TOKEN=…; npm run cloud prints one for the local cloud'

async function token({ token: given, now }: Look) {
  if (given instanceof Error) return warn(`there is no token to ask the API with: ${given.message}`, HOW)
  const said = claimsOf(given)
  if (said === undefined) return fail('the token is no JWT', HOW)
  const left = said.exp === undefined ? Number.POSITIVE_INFINITY : said.exp * 1_000 - now()
  if (left <= 0) return fail(`the token expired ${durationText(-left)} ago`, HOW)
  const has = scopesOf([said.scope ?? '', said.scp ?? ''].flat().join(' '))
  const missing = scopes.filter(scope => !has.includes(scope))
  if (missing.includes('fleet:read'))
    return fail('the token has no scope fleet:read: nothing can be asked', HOW)
  return missing.length === 0
    ? ok('the token has every scope')
    : warn(
        `the token lacks ${missing.join(', ')}: such commands are refused`,
        'fine for somebody who only looks; else sign in as somebody who may',
      )
}

async function api({ api: url, token: given, local }: Look) {
  if (url === undefined)
    return warn(
      "the API's address is not known",
      '--api URL, or EDGELOOP_API=URL: the output ApiUrl of the stack',
    )
  const headers: Record<string, string> = given instanceof Error ? {} : { authorization: `Bearer ${given}` }
  let status: number
  try {
    const answer = await fetch(new URL('/v1/models?limit=1', url), {
      headers,
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    status = answer.status
    await answer.body?.cancel()
  } catch (error) {
    const { message, cause } = error as Error
    return fail(
      `the API at ${url} does not answer (${(cause as Error | undefined)?.message ?? message})`,
      local ? 'npm run cloud' : '--api must be the output ApiUrl of the stack',
    )
  }
  if (status === 200) return ok(`the API at ${url} answers`)
  if (status === 401)
    return given instanceof Error
      ? skip(`the API at ${url} is there; it wants a token`)
      : fail('the API does not take the token: another issuer, another audience, or too old', HOW)
  if (status === 403)
    return fail('the API lets the token in and to nothing', 'a token with the scope fleet:read')
  return fail(
    `the API at ${url} answers with ${status}`,
    'npx edgeloop logs ops-query --level error says why',
  )
}

export const apiChecks: readonly Check[] = [
  { id: 'token', run: token },
  { id: 'api', run: api },
]
