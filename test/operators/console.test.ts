/** The operators' page where the template puts it: bucket, distribution and API under one origin, in the local cloud. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HeadObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { consoleConfig, readConsoleFiles } from '../../scripts/lib/console-files.ts'
import { AUDIENCE, deployLocalConsole } from '../../scripts/lib/local-cloud.ts'
import { makeLocalPeople } from '../../scripts/lib/people.ts'
import { s3Client } from '../../scripts/lib/stack.ts'
import { stackOutputs } from '../../scripts/lib/stack-outputs.ts'
import { scopes } from '../../src/contracts/scopes.ts'
import { type Office, startOffice } from './support.ts'

let office: Office
let url: string
const dir = mkdtempSync(join(tmpdir(), 'edgeloop-console-'))
const write = (name: string, text: string) => {
  mkdirSync(join(dir, name, '..'), { recursive: true })
  writeFileSync(join(dir, name), text)
}

beforeAll(async () => {
  write('index.html', '<!doctype html><script type="module" src="/assets/app-3f9a2b7c.js"></script>')
  write('assets/app-3f9a2b7c.js', `export const rows = [${'1,'.repeat(2000)}]\n`)
  write('assets/app-3f9a2b7c.css', 'body { margin: 0 }\n')
  write('icon.svg', '<svg xmlns="http://www.w3.org/2000/svg"/>')
  write('config.json', '{"left":"from a build"}')
  office = await startOffice()
  url = String(office.cloud.outputs['ConsoleUrl'])
  expect(await deployLocalConsole(office.cloud, dir)).toBe(true)
})
afterAll(async () => {
  await office?.close()
  rmSync(dir, { recursive: true, force: true })
})

describe('the page', () => {
  it.each([
    ['/', 'text/html; charset=utf-8', 'no-cache'],
    ['/rollouts/cold-chain-v3', 'text/html; charset=utf-8', 'no-cache'],
    ['/config.json', 'application/json', 'no-cache'],
    ['/icon.svg', 'image/svg+xml', 'no-cache'],
    ['/assets/app-3f9a2b7c.js', 'text/javascript; charset=utf-8', 'public, max-age=31536000, immutable'],
    ['/assets/app-3f9a2b7c.css', 'text/css; charset=utf-8', 'public, max-age=31536000, immutable'],
  ])('%s comes as %s, %s', async (path, type, cache) => {
    const { status, headers } = await fetch(url + path)
    expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([200, type, cache])
  })
  it('may load from itself and talk to itself and to where people sign in', async () => {
    const { headers } = await fetch(url)
    const policy = Object.fromEntries(
      (headers.get('content-security-policy') ?? '').split('; ').map(each => {
        const [name = '', ...sources] = each.split(' ')
        return [name, sources.join(' ')]
      }),
    )
    const signIn = new URL(String(office.cloud.outputs['UserPoolDomain'])).origin
    expect(policy).toEqual({
      ...{ 'default-src': "'none'", 'script-src': "'self'", 'style-src': "'self'", 'img-src': "'self'" },
      ...{ 'font-src': "'self'", 'connect-src': `'self' ${signIn}`, 'base-uri': "'none'" },
      ...{ 'form-action': "'none'", 'frame-ancestors': "'none'" },
    })
    expect(headers.get('strict-transport-security')).toContain('max-age=63072000')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })
  it('that is missing a part says 404, and does not pass the page off as it', async () => {
    expect((await fetch(`${url}/assets/gone-00000000.js`)).status).toBe(404)
  })
  it('knows from config.json how to sign in, and the address works', async () => {
    const config = (await (await fetch(`${url}/config.json`)).json()) as Record<string, unknown>
    const { outputs } = office.cloud
    const domain = String(outputs['UserPoolDomain'])
    expect(config).toEqual({
      ...{ apiUrl: '', issuer: outputs['TokenIssuer'], clientId: outputs['ConsoleClientId'] },
      ...{ cliClientId: outputs['CliClientId'], authorizeUrl: `${domain}/oauth2/authorize` },
      ...{ tokenUrl: `${domain}/oauth2/token`, logoutUrl: `${domain}/logout` },
      ...{ revokeUrl: `${domain}/oauth2/revoke`, scopes: ['openid', 'profile'] },
      ...{ scopePrefix: 'edgeloop/', stage: 'dev' },
    })
    const vic = (await makeLocalPeople(office.cloud)).find(person => person.username === 'vic')
    const scope = (config['scopes'] as string[]).join(' ')
    const { accessToken } = await office.signIn('vic', vic?.password ?? '', { scope })
    const headers = { authorization: `Bearer ${accessToken}` }
    const models = await fetch(`${url}/v1/models`, { headers })
    expect([models.status, models.headers.get('x-frame-options')]).toEqual([200, 'DENY'])
    expect((await fetch(`${url}/v1/models`)).status).toBe(401)
    const command = await fetch(`${url}/v1/rollouts`, { method: 'POST', headers, body: '{}' })
    expect([command.status, await command.json()]).toMatchObject([403, {}])
    expect((await fetch(`${url}/v1/models/nobody`, { headers })).status).toBe(404)
  })
  it('lies in a bucket that is closed to everybody else', async () => {
    const bucket = String(office.cloud.outputs['ConsoleBucketName'])
    const { status } = await fetch(`${office.cloud.endpoint}/${bucket}/index.html`)
    expect(status).toBe(403)
    const s3 = s3Client(office.config)
    const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: 'index.html' }))
    expect(head.Metadata?.['sha256']).toMatch(/^[\da-f]{64}$/)
    s3.destroy()
  })
  it('no call of anything was refused by IAM', () => {
    expect(office.cloud.denials.map(denial => denial.message)).toEqual([])
  })
})

it('the outputs of the stack are told by CloudFormation, and those of no other', async () => {
  const before = process.env['AWS_ENDPOINT_URL']
  process.env['AWS_ENDPOINT_URL'] = office.cloud.endpoint
  const s3 = s3Client(office.config)
  try {
    expect(await stackOutputs(s3.config, 'edgeloop-dev')).toEqual(office.cloud.outputs)
    await expect(stackOutputs(s3.config, 'edgeloop-none')).rejects.toMatchObject({ code: 'ValidationError' })
  } finally {
    if (before === undefined) delete process.env['AWS_ENDPOINT_URL']
    else process.env['AWS_ENDPOINT_URL'] = before
    s3.destroy()
  }
})

describe('what is no page', () => {
  it('without an index.html', () => {
    const empty = mkdtempSync(join(tmpdir(), 'edgeloop-console-'))
    expect(() => readConsoleFiles(empty)).toThrow('holds no index.html')
    rmSync(empty, { recursive: true })
  })
  it('with a file of a kind that nobody could name', () => {
    write('notes.xyz', '')
    expect(() => readConsoleFiles(dir)).toThrow('the type of .xyz is not known')
    rmSync(join(dir, 'notes.xyz'))
  })
})

describe('with an issuer of one’s own (JwtIssuer)', () => {
  let other: Office
  beforeAll(async () => {
    other = await startOffice({ otherIssuer: true, parameters: { JwtConsoleClient: 'the-console' } })
  })
  afterAll(() => other?.close())

  it('there is no user pool, and the page may talk to that issuer', async () => {
    const { cloud } = other
    const made = Object.values(cloud.resources).map(resource => resource.type)
    expect(made.filter(type => type.startsWith('AWS::Cognito::'))).toEqual([])
    expect(Object.keys(cloud.resources).filter(id => /^GrantScopes(LambdaF|Role|P)/.test(id))).toEqual([])
    expect(cloud.outputs['UserPoolId']).toBeUndefined()
    expect(cloud.outputs['TokenIssuer']).toBe(cloud.issuer.url)
    expect(cloud.outputs['ConsoleClientId']).toBe('the-console')
    const { headers } = await fetch(String(cloud.outputs['ConsoleUrl']))
    expect(headers.get('content-security-policy')).toContain(
      `connect-src 'self' ${new URL(cloud.issuer.url).origin};`,
    )
  })
  it('its tokens are taken, with plain names of scopes', async () => {
    const { cloud } = other
    const ask = async (scope: string, audience = AUDIENCE) =>
      other.ask(
        { method: 'GET', path: '/v1/models' },
        await cloud.issuer.mint({ sub: 'somebody', scope, audience }),
      )
    expect([await ask('fleet:read'), await ask('labels:write'), await ask('fleet:read', 'x')]).toEqual([
      200, 403, 401,
    ])
  })
  it('the page asks for the scopes by name, at the addresses that the issuer tells', async () => {
    const outputs = { ...other.cloud.outputs }
    // The issuer beside the cloud has no page to sign in at, and says so.
    await expect(consoleConfig(outputs, 'dev')).rejects.toThrow('authorization_endpoint is missing in http')
    const elsewhere = { ...outputs, TokenIssuer: String(office.cloud.outputs['TokenIssuer']) }
    const config = await consoleConfig(elsewhere, 'dev')
    expect(config.scopes).toEqual(['openid', ...scopes])
    expect(config.tokenUrl).toBe(`${office.cloud.outputs['UserPoolDomain']}/oauth2/token`)
  })
})
