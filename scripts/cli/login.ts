/** `npx edgeloop login` and `logout`: a token for this person, by the issuer's own page. */
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { UsageError, whole } from '../lib/options.ts'
import { CALLBACK_PORT, listen } from './api/callback.ts'
import { askForToken, fromAnswer, openSession } from './api/session.ts'
import { type Where, whereByConsole, whereByStack } from './api/where.ts'
import { apiOptions } from './api.ts'
import type { Command, Options } from './command.ts'
import { onInterrupt } from './interrupt.ts'
import { STACK_HELP, stackOptions } from './stack.ts'
import { durationText } from './text.ts'

export const login: Command = {
  help: `Usage: npx edgeloop login [--console URL]

Signs you in at the issuer's own page (authorization code with PKCE) and keeps the token for commands that ask the API, under
XDG_STATE_HOME (~/.local/state/edgeloop), readable by you alone. It is renewed as long as the issuer lets it.

  --console URL         the operators' page: it says where the API and the sign-in are. Needs no AWS credentials
  --client ID           client id, where the page or the stack does not say one
  --authorize URL       sign-in of another issuer, with --token-endpoint, --client and --api
  --token-endpoint URL  and its tokens
  --api URL             the API that the token is for, where it is another than the page or the stack says
  --port N              where the browser comes back to on this machine (default ${CALLBACK_PORT}, as the stack's client has it)
  --no-browser          prints the address and opens nothing
  --timeout N           seconds to wait for you (default 300)
${STACK_HELP}
Without --console and --authorize the stack's outputs say where (cloudformation:DescribeStacks).
`,
  examples: ['--console https://d111111abcdef8.cloudfront.net', '--stage prod --no-browser'],
  options: {
    ...stackOptions,
    ...apiOptions,
    ...{ console: { type: 'string' }, client: { type: 'string' }, authorize: { type: 'string' } },
    ...{ 'token-endpoint': { type: 'string' }, port: { type: 'string' }, timeout: { type: 'string' } },
    'no-browser': { type: 'boolean' },
  },
  async run(options, io) {
    const port = whole('port', options.string('port'), CALLBACK_PORT, 0, 65_535)
    const timeout = whole('timeout', options.string('timeout'), 300, 1, 3_600)
    const where = await whereOf(options)
    const [verifier, state] = [randomBytes(32).toString('base64url'), randomBytes(16).toString('base64url')]
    const callback = await listen(state, port, timeout * 1_000)
    const over = onInterrupt(() => callback.close())
    try {
      const address = authorizeUrl(where, callback.redirectUri, state, verifier)
      io.prompt(`Sign in here:\n  ${address}`)
      if (!options.flag('no-browser') && io.interactive) openBrowser(address)
      const answer = await askForToken(where.tokenUrl, {
        ...{ grant_type: 'authorization_code', client_id: where.clientId, code: await callback.code },
        ...{ redirect_uri: callback.redirectUri, code_verifier: verifier },
      })
      const session = openSession(process.env, () => io.now())
      session.keep({
        ...{ api: where.api, tokenEndpoint: where.tokenUrl, clientId: where.clientId },
        ...fromAnswer(answer, io.now()),
      })
      const left = durationText(answer.expires_in * 1_000)
      const renewed = answer.refresh_token === undefined ? '' : ', renewed by itself'
      return {
        exit: 0,
        text: `${io.paint.good('✓')} signed in at ${where.api} for ${left}${renewed}; the token is in ${session.file}`,
        data: {
          api: where.api,
          expiresInSeconds: answer.expires_in,
          renews: answer.refresh_token !== undefined,
        },
      }
    } finally {
      over()
      callback.close()
    }
  },
}

export const logout: Command = {
  help: `Usage: npx edgeloop logout [--api URL]

Forgets the token of the last sign-in, or of the one for this API. The token itself ends when its time is over.

  --api URL       of which to forget it
`,
  examples: [''],
  options: apiOptions,
  async run(options, { now }) {
    const api = options.string('api')
    if (api !== undefined && !URL.canParse(api)) throw new UsageError(`--api: "${api}" is no URL`)
    const gone = openSession(process.env, () => now()).forget(api)
    return { exit: 0, text: gone ? 'Signed out.' : 'There was no sign-in.', data: { signedOut: gone } }
  },
}

async function whereOf(options: Options): Promise<Where> {
  const [page, client, authorize] = [
    options.string('console'),
    options.string('client'),
    options.string('authorize'),
  ]
  if (page !== undefined && authorize !== undefined) throw new UsageError('give --console or --authorize')
  const api = options.string('api')
  if (api !== undefined && !URL.canParse(api)) throw new UsageError(`--api: "${api}" is no URL`)
  const found =
    authorize !== undefined
      ? elsewhere(options, authorize)
      : page !== undefined
        ? await whereByConsole(page, client)
        : await whereByStack(options.string('stage') ?? 'dev', client)
  return api === undefined ? found : { ...found, api }
}

function elsewhere(options: Options, authorizeUrl: string): Where {
  const tokenUrl = options.required('token-endpoint')
  for (const [name, url] of Object.entries({ authorize: authorizeUrl, 'token-endpoint': tokenUrl }))
    if (!URL.canParse(url)) throw new UsageError(`--${name}: "${url}" is no URL`)
  return {
    ...{ authorizeUrl, tokenUrl, api: options.required('api'), clientId: options.required('client') },
    scopes: ['openid'],
  }
}

/** RFC 7636: what is sent through the browser is of no use without the verifier, which stays here. */
function authorizeUrl(where: Where, redirectUri: string, state: string, verifier: string): string {
  const url = new URL(where.authorizeUrl)
  const query = {
    ...{ response_type: 'code', client_id: where.clientId, redirect_uri: redirectUri, state },
    scope: where.scopes.join(' '),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return url.href
}

/** Where there is none, the address is on the screen. */
function openBrowser(address: string): void {
  const [program, ...args] =
    process.platform === 'darwin'
      ? ['open']
      : process.platform === 'win32'
        ? ['rundll32', 'url.dll,FileProtocolHandler']
        : ['xdg-open']
  const child = spawn(program as string, [...args, address], { stdio: 'ignore', detached: true })
  child.once('error', () => {})
  child.unref()
}
