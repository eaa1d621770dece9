/** `npx edgeloop login`: a person signs in at the stack's own user pool, and at issuers that misbehave. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { edgeloop } from '../../scripts/cli/main.ts'
import { TEMPLATE } from '../../scripts/lib/local-cloud.ts'
import { makePerson } from '../../scripts/lib/people.ts'
import { type Office, startOffice } from '../operators/support.ts'
import { variables } from './api-server.ts'
import { run } from './support.ts'

const PASSWORD = 'a-Password-of-14-or-more'
let state: string
let back: () => void
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'edgeloop-login-'))
  back = variables({
    ...{ XDG_STATE_HOME: state, TOKEN: undefined, EDGELOOP_API: undefined, AWS_ENDPOINT_URL: undefined },
    ...{ AWS_REGION: undefined, AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined },
  })
})
afterEach(() => {
  back()
  rmSync(state, { recursive: true, force: true })
})
const kept = () => join(state, 'edgeloop', 'sign-ins.json')

/** The command, with a browser that is started on the address that it prints. */
async function login(args: readonly string[], browser: (address: URL) => Promise<unknown>) {
  let [out, err] = ['', '']
  const tabs: Promise<unknown>[] = []
  const exit = await edgeloop(['login', '--no-browser', ...args], {
    out: text => {
      out += text
    },
    err: text => {
      err += text
      const address = /Sign in here:\n {2}(\S+)/.exec(text)?.[1]
      if (address !== undefined) tabs.push(browser(new URL(address)))
    },
    ...{ ask: async () => '', interactive: false, colour: { out: false, err: false }, columns: {} },
    now: () => Date.now(),
  })
  return { exit, out, err, pages: await Promise.all(tabs) }
}
const text = async (url: URL | string): Promise<string> => (await fetch(url)).text()
const freePort = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, 'localhost', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

describe('at the stack’s own user pool', () => {
  let office: Office
  let port: number
  let template: string
  beforeAll(async () => {
    // The client comes back to one port, which may be taken on this machine: here it is a free one.
    port = await freePort()
    template = mkdtempSync(join(tmpdir(), 'edgeloop-template-'))
    mkdirSync(template, { recursive: true })
    for (const name of readdirSync(TEMPLATE)) {
      if (name.endsWith('.json')) copyFileSync(join(TEMPLATE, name), join(template, name))
      else symlinkSync(join(TEMPLATE, name), join(template, name))
    }
    const file = join(template, 'cloudformation-template-update-stack.json')
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('localhost:47615', `localhost:${port}`))
    office = await startOffice({ template })
    const pool = String(office.cloud.outputs['UserPoolId'])
    await makePerson(office.config, pool, { username: 'vic', group: 'viewers', password: PASSWORD })
  })
  afterAll(async () => {
    await office?.close()
    rmSync(template, { recursive: true, force: true })
  })
  beforeEach(() => {
    const { endpoint, credentials, realm } = office.cloud
    Object.assign(process.env, {
      ...{ AWS_ENDPOINT_URL: endpoint, AWS_REGION: realm.region },
      ...{ AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey },
    })
  })
  /** Managed login's form, filled in. */
  const person = (password: string) => async (address: URL) => {
    const page = await fetch(address, { redirect: 'manual' })
    const form = new URL(page.headers.get('location') ?? '', address)
    const sent = await fetch(form, {
      method: 'POST',
      body: new URLSearchParams({ username: 'vic', password }),
      redirect: 'manual',
    })
    const to = sent.headers.get('location')
    return to === null ? undefined : text(new URL(to, form))
  }

  it('she signs in, and commands ask the API as she may', async () => {
    const { exit, out, pages } = await login(['--port', String(port)], person(PASSWORD))
    expect([exit, out]).toEqual([0, expect.stringContaining('signed in at')])
    expect(pages).toEqual(['Signed in. You may close this page and go back to the terminal.\n'])
    // Only the sign-in says where the API is from here on.
    delete process.env['AWS_ENDPOINT_URL']
    expect(await run(['models'])).toMatchObject({
      exit: 0,
      out: expect.stringContaining('There are no models'),
    })
    const refused = await run(['retrain', 'x', '--reason', 'y'])
    expect([refused.exit, refused.err]).toEqual([
      3,
      expect.stringContaining('it needs the scope models:write'),
    ])

    const file = JSON.parse(readFileSync(kept(), 'utf8')) as {
      signIns: Record<string, { expiresAt: number; accessToken: string; refreshToken: string }>
    }
    const [origin = '', before] = Object.entries(file.signIns)[0] ?? []
    writeFileSync(kept(), JSON.stringify({ ...file, signIns: { [origin]: { ...before, expiresAt: 0 } } }))
    expect(await run(['models'])).toMatchObject({ exit: 0 })
    const after = JSON.parse(readFileSync(kept(), 'utf8')).signIns[origin]
    expect(after.accessToken).not.toBe(before?.accessToken)
    // Cognito gives another refresh token each time.
    expect(after.refreshToken).not.toBe(before?.refreshToken)

    expect(await run(['logout'])).toMatchObject({ exit: 0, out: 'Signed out.\n' })
    expect(await run(['logout'])).toMatchObject({ exit: 0, out: 'There was no sign-in.\n' })
    expect(await run(['models', '--api', origin])).toMatchObject({ exit: 2 })
  })

  it('with a wrong password nobody comes back, and the time ends', async () => {
    const { exit, err } = await login(['--port', String(port), '--timeout', '1'], person('wrong'))
    expect([exit, err]).toEqual([1, expect.stringContaining('nobody signed in in time')])
    expect(existsSync(kept())).toBe(false)
  })
})

describe('at any issuer', () => {
  let issuer: Server
  let url: string
  let tokens: (form: URLSearchParams, reply: (status: number, body: string) => void) => void
  const forms: URLSearchParams[] = []
  beforeAll(async () => {
    issuer = createServer(async (request: IncomingMessage, response) => {
      let body = ''
      for await (const chunk of request as AsyncIterable<Buffer>) body += chunk.toString('utf8')
      if (request.url === '/config.json')
        return void response.end(
          JSON.stringify({
            ...{ apiUrl: '', authorizeUrl: `${url}/authorize`, tokenUrl: `${url}/token`, cliClientId: 'cli' },
            ...{ scopes: ['openid', 'profile'], issuer: url, clientId: 'page', scopePrefix: '', stage: 'x' },
          }),
        )
      const form = new URLSearchParams(body)
      forms.push(form)
      tokens(form, (status, text) => void response.writeHead(status).end(text))
    })
    await new Promise<void>(resolve => issuer.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`
  })
  afterAll(() => {
    issuer.closeAllConnections()
    issuer.close()
  })
  beforeEach(() => {
    forms.length = 0
    tokens = (_, reply) => reply(200, JSON.stringify({ access_token: 'a.b.c', expires_in: 600 }))
  })
  const withPage = (...more: string[]) => ['--console', url, '--port', '0', ...more]
  const returned = (address: URL, query: Record<string, string>): URL => {
    const to = new URL(address.searchParams.get('redirect_uri') ?? '')
    for (const [name, value] of Object.entries(query)) to.searchParams.set(name, value)
    return to
  }
  const comeBack = (query: Record<string, string>) => (address: URL) =>
    text(returned(address, { state: address.searchParams.get('state') ?? '', ...query }))

  it('the page says where; the browser sees the challenge, and the verifier goes to the issuer alone', async () => {
    let seen = new URL('http://x')
    const { exit, out } = await login(withPage(), address => {
      seen = address
      return comeBack({ code: 'one' })(address)
    })
    expect([exit, out]).toEqual([0, expect.stringContaining(`signed in at ${url} for 10 min; the token`)])
    expect(Object.fromEntries(seen.searchParams)).toMatchObject({
      ...{ response_type: 'code', client_id: 'cli', scope: 'openid profile', code_challenge_method: 'S256' },
      redirect_uri: expect.stringMatching(/^http:\/\/localhost:\d+\/callback$/),
    })
    const [form] = forms
    const { createHash } = await import('node:crypto')
    const verifier = form?.get('code_verifier') ?? ''
    expect(createHash('sha256').update(verifier).digest('base64url')).toBe(
      seen.searchParams.get('code_challenge'),
    )
    expect(form?.get('code')).toBe('one')
    expect(form?.get('redirect_uri')).toBe(seen.searchParams.get('redirect_uri'))
  })

  it.each([[['--quiet']], [['--json']], [[]]])(
    'says where to sign in, and does not wait for ever, with %j',
    async args => {
      const { exit, err, out } = await login(withPage('--timeout', '1', ...args), async () => undefined)
      expect(exit).toBe(1)
      expect(err).toContain(`Sign in here:\n  ${url}/authorize?`)
      expect(out + err).toContain('nobody signed in in time')
    },
  )

  it('logout of what is no address is wrong usage', async () => {
    expect(await run(['logout', '--api', 'foo'])).toMatchObject({
      exit: 2,
      err: expect.stringContaining('--api: "foo" is no URL'),
    })
    expect(await run(['logout', '--api', 'https://x.example'])).toMatchObject({ exit: 0 })
  })

  it('an answer of another sign-in is turned away, and the right one still counts', async () => {
    const { exit, pages } = await login(withPage(), async address => {
      const strange = await fetch(returned(address, { state: 'other', code: 'stolen' }))
      const empty = await fetch(returned(address, { state: address.searchParams.get('state') ?? '' }))
      const nothing = await fetch(new URL('/', returned(address, {})))
      await comeBack({ code: 'mine' })(address)
      return [strange.status, empty.status, nothing.status, await strange.text()]
    })
    expect([exit, forms.map(f => f.get('code'))]).toEqual([0, ['mine']])
    expect(pages[0]).toEqual([400, 400, 404, expect.stringContaining('belongs to another sign-in')])
  })

  it('what the issuer refuses is said, as text in the browser too', async () => {
    const { exit, err, pages } = await login(withPage(), async address => {
      const state = address.searchParams.get('state') ?? ''
      const answer = await fetch(
        returned(address, { state, error: 'access_denied', error_description: '<b>no</b>' }),
      )
      return [answer.headers.get('content-type'), await answer.text()]
    })
    expect([exit, err]).toEqual([2, expect.stringContaining('the issuer refused: <b>no</b>')])
    expect(pages[0]).toEqual(['text/plain; charset=utf-8', expect.stringContaining('<b>no</b>')])
  })

  it.each([
    [400, '{"error":"invalid_grant"}', 2, 'the issuer gives no token (invalid_grant)'],
    [500, '{"error":"oops"}', 3, 'the issuer answered with 500: oops'],
    [200, '<html>', 3, 'the issuer answered with 200 and no JSON'],
    [200, '{"id_token":"x"}', 2, 'the issuer gives no token'],
  ])('a token endpoint that answers %i %s', async (status, body, exit, message) => {
    tokens = (_, reply) => reply(status, body)
    const ran = await login(withPage(), comeBack({ code: 'x' }))
    expect([ran.exit, ran.err]).toEqual([exit, expect.stringContaining(message)])
    expect(existsSync(kept())).toBe(false)
  })

  it('without a page, by its addresses', async () => {
    const args = ['--authorize', `${url}/authorize`, '--token-endpoint', `${url}/token`, '--client', 'mine']
    const { exit } = await login(
      [...args, '--api', 'https://api.example.com', '--port', '0'],
      comeBack({ code: 'x' }),
    )
    expect(exit).toBe(0)
    expect(JSON.parse(readFileSync(kept(), 'utf8'))).toMatchObject({
      last: 'https://api.example.com',
      signIns: { 'https://api.example.com': { clientId: 'mine', accessToken: 'a.b.c' } },
    })
  })

  it.each([
    [['--console', 'nonsense'], 2, 'is no URL'],
    [['--console', 'http://127.0.0.1:1'], 3, 'could not be read'],
    [['--authorize', 'http://x'], 2, '--token-endpoint is needed'],
    [
      ['--authorize', 'x', '--token-endpoint', 'http://x', '--client', 'c', '--api', 'http://x'],
      2,
      '--authorize: "x" is no URL',
    ],
    [['--authorize', 'http://x', '--console', 'http://x'], 2, 'give --console or --authorize'],
    [['--port', '70000'], 2, '--port must be a whole number'],
  ])('%j is refused', async (args, exit, message) => {
    const ran = await run(['login', ...args])
    expect([ran.exit, ran.err]).toEqual([exit, expect.stringContaining(message)])
  })

  it('a port that is taken is said', async () => {
    const other = createServer()
    await new Promise<void>(resolve => other.listen(0, 'localhost', resolve))
    const { port } = other.address() as AddressInfo
    const ran = await run(['login', '--console', url, '--port', String(port)])
    other.close()
    expect([ran.exit, ran.err]).toEqual([2, expect.stringContaining(`port ${port} of this machine is taken`)])
  })
})
