/** The operators' page in its bucket: files with their types and cache lifetimes, and what the page must know. */
import { createHash } from 'node:crypto'
import { globSync, readFileSync, statSync } from 'node:fs'
import { extname, join, sep } from 'node:path'
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { SCOPE_PREFIX, scopes } from '../../src/contracts/scopes.ts'

/** `config.json` of the page. Addresses are absolute; `apiUrl` is empty, as the API is under the page's own origin. */
export interface ConsoleConfig {
  readonly apiUrl: ''
  readonly issuer: string
  readonly clientId: string
  /** Of the command line, for those who look for it. */
  readonly cliClientId?: string
  readonly authorizeUrl: string
  readonly tokenUrl: string
  /** Undefined where the issuer has none. */
  readonly logoutUrl?: string
  readonly revokeUrl?: string
  /** What to ask for at sign-in. With Cognito, our own scopes come from the person's groups without being asked for. */
  readonly scopes: readonly string[]
  /** What may stand before a scope in a token. */
  readonly scopePrefix: string
  readonly stage: string
  /** Where the documentation is to be read. */
  readonly docs?: string
}
export type Outputs = Readonly<Record<string, unknown>>

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
}
/** A name with a hash in it never holds anything else; everything else is asked for again each time. */
const IMMUTABLE = 'public, max-age=31536000, immutable'
const REVALIDATE = 'no-cache'
const hashed = (name: string): boolean => /[-.][A-Za-z0-9]{8,}\.[a-z0-9.]+$/.test(name)

export interface ConsoleFile {
  readonly key: string
  readonly body: Buffer
  readonly contentType: string
  readonly cacheControl: string
}

/** The files of a built page. Throws when there is no index.html, or a file whose type is not known. */
export function readConsoleFiles(dir: string): readonly ConsoleFile[] {
  const names = globSync('**/*', { cwd: dir })
    .filter(name => statSync(join(dir, name)).isFile())
    .sort()
  if (!names.includes('index.html')) throw new Error(`${dir} holds no index.html; build the console first`)
  return names
    .filter(name => name !== 'config.json')
    .map(name => {
      const contentType = TYPES[extname(name)]
      if (contentType === undefined)
        throw new Error(`${join(dir, name)}: the type of ${extname(name) || 'such a file'} is not known`)
      return {
        key: name.split(sep).join('/'),
        body: readFileSync(join(dir, name)),
        contentType,
        cacheControl: hashed(name) ? IMMUTABLE : REVALIDATE,
      }
    })
}

/** From the stack's outputs; with an issuer that is not the stack's own, from what it says of itself. */
export async function consoleConfig(outputs: Outputs, stage: string, docs?: string): Promise<ConsoleConfig> {
  const issuer = required(outputs, 'TokenIssuer')
  const domain = outputs['UserPoolDomain']
  const common = {
    apiUrl: '' as const,
    issuer,
    clientId: required(outputs, 'ConsoleClientId'),
    scopePrefix: SCOPE_PREFIX,
    stage,
    ...(docs !== undefined && { docs }),
  }
  if (typeof domain === 'string')
    return {
      ...common,
      cliClientId: required(outputs, 'CliClientId'),
      authorizeUrl: `${domain}/oauth2/authorize`,
      tokenUrl: `${domain}/oauth2/token`,
      logoutUrl: `${domain}/logout`,
      revokeUrl: `${domain}/oauth2/revoke`,
      scopes: ['openid', 'profile'],
    }
  const discovery = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const answer = await fetch(discovery, { signal: AbortSignal.timeout(10_000) })
  if (!answer.ok) throw new Error(`${discovery} answered ${answer.status}`)
  const said = (await answer.json()) as Outputs
  const [end, revoke] = [said['end_session_endpoint'], said['revocation_endpoint']]
  return {
    ...common,
    authorizeUrl: required(said, 'authorization_endpoint', discovery),
    tokenUrl: required(said, 'token_endpoint', discovery),
    ...(typeof end === 'string' && { logoutUrl: end }),
    ...(typeof revoke === 'string' && { revokeUrl: revoke }),
    scopes: ['openid', ...scopes],
  }
}

function required(from: Outputs, name: string, where = 'the stack’s outputs'): string {
  const value = from[name]
  if (typeof value === 'string' && value !== '') return value
  throw new Error(`${name} is missing in ${where}`)
}

/**
 * Uploads the files, those that name others last, so that no page is served whose parts are not there. Nothing is
 * deleted: a page that somebody has open goes on finding its parts. Throws what S3 throws.
 */
export async function uploadConsole(
  s3: S3Client,
  bucket: string,
  files: readonly ConsoleFile[],
  config: ConsoleConfig,
): Promise<readonly string[]> {
  const settings: ConsoleFile = {
    key: 'config.json',
    body: Buffer.from(`${JSON.stringify(config, null, 2)}\n`),
    contentType: 'application/json',
    cacheControl: REVALIDATE,
  }
  const last = (file: ConsoleFile): number => (file.cacheControl === IMMUTABLE ? 0 : 1)
  const ordered = [...files, settings].sort((a, b) => last(a) - last(b))
  for (const { key, body, contentType, cacheControl } of ordered)
    await s3.send(
      new PutObjectCommand({
        ...{ Bucket: bucket, Key: key, Body: body, ContentType: contentType, CacheControl: cacheControl },
        Metadata: { sha256: createHash('sha256').update(body).digest('hex') },
      }),
    )
  return ordered.map(file => file.key)
}
