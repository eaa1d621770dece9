/** Where a token comes from: the variable TOKEN, or what `edgeloop login` left behind. */
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { UsageError } from '../../lib/options.ts'
import { CloudError } from '../command.ts'
import { writeWhole } from '../files.ts'

const signIn = z.object({
  api: z.string(),
  accessToken: z.string(),
  /** ms since 1970. */
  expiresAt: z.number(),
  refreshToken: z.string().optional(),
  tokenEndpoint: z.string(),
  clientId: z.string(),
})
export type SignIn = z.infer<typeof signIn>
const stored = z.object({
  v: z.literal(1),
  last: z.string().optional(),
  signIns: z.record(z.string(), signIn),
})
type Stored = z.infer<typeof stored>

const tokenAnswer = z.object({
  access_token: z.string(),
  expires_in: z.number(),
  refresh_token: z.string().optional(),
})
export type TokenAnswer = z.infer<typeof tokenAnswer>

/** A token is renewed so long before its end, so that it does not end on the way. */
const EARLY_MS = 60_000
const TIMEOUT_MS = 30_000

type Env = Readonly<Record<string, string | undefined>>
export interface Session {
  /** Of the last sign-in. */
  lastApi(): string | undefined
  /** For this API. @throws UsageError when there is none */
  token(api: string): Promise<string>
  keep(signedIn: SignIn): void
  /** @returns whether there was one */
  forget(api: string | undefined): boolean
  readonly file: string
}

export function openSession(env: Env, now: () => number): Session {
  const file = join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'edgeloop', 'sign-ins.json')
  const read = (): Stored => {
    if (!existsSync(file)) return { v: 1, signIns: {} }
    try {
      return stored.parse(JSON.parse(readFileSync(file, 'utf8')))
    } catch {
      // A damaged file costs one sign-in.
      return { v: 1, signIns: {} }
    }
  }
  const write = (state: Stored): void => {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeWhole(file, `${JSON.stringify(state, null, 2)}\n`, 0o600)
    chmodSync(file, 0o600)
  }
  const keep = (signedIn: SignIn): void => {
    const state = read()
    write({ ...state, last: signedIn.api, signIns: { ...state.signIns, [originOf(signedIn.api)]: signedIn } })
  }
  return {
    file,
    lastApi: () => read().last,
    async token(api) {
      const given = env['TOKEN']
      if (given !== undefined && given !== '') return given
      const found = read().signIns[originOf(api)]
      if (found === undefined) throw new UsageError('the variable TOKEN is needed, or npx edgeloop login')
      if (found.expiresAt - EARLY_MS > now()) return found.accessToken
      if (found.refreshToken === undefined)
        throw new UsageError('the sign-in has expired: npx edgeloop login')
      const renewed = await askForToken(found.tokenEndpoint, {
        ...{ grant_type: 'refresh_token', client_id: found.clientId, refresh_token: found.refreshToken },
      })
      keep({ ...found, ...fromAnswer(renewed, now()) })
      return renewed.access_token
    },
    keep,
    forget(api) {
      const state = read()
      const name = api ?? state.last
      if (name === undefined || state.signIns[originOf(name)] === undefined) return false
      const { [originOf(name)]: _, ...signIns } = state.signIns
      write({ v: 1, signIns })
      return true
    },
  }
}

const originOf = (api: string): string => new URL(api).origin

/** What of an answer is kept; without a new refresh token the old one goes on. */
export const fromAnswer = (answer: TokenAnswer, now: number) => ({
  accessToken: answer.access_token,
  expiresAt: now + answer.expires_in * 1_000,
  ...(answer.refresh_token === undefined ? {} : { refreshToken: answer.refresh_token }),
})

/** @throws UsageError when the issuer refuses, CloudError when it does not answer */
export async function askForToken(
  endpoint: string,
  form: Readonly<Record<string, string>>,
): Promise<TokenAnswer> {
  let status: number
  let text: string
  try {
    const answer = await fetch(endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams(form).toString(),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    status = answer.status
    text = await answer.text()
  } catch (error) {
    const { message, cause } = error as Error
    throw new CloudError(
      `the issuer could not be reached (${(cause as Error | undefined)?.message || message})`,
    )
  }
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw new CloudError(`the issuer answered with ${status} and no JSON`)
  }
  const parsed = tokenAnswer.safeParse(body)
  if (status === 200 && parsed.success) return parsed.data
  const said = (body as { error?: unknown; error_description?: unknown } | null) ?? {}
  const why = String(said.error_description ?? said.error ?? `status ${status}`)
  if (status >= 500) throw new CloudError(`the issuer answered with ${status}: ${why}`)
  throw new UsageError(`the issuer gives no token (${why}): npx edgeloop login`)
}
