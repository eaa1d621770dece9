/** Calls of AWS operations whose SDK client is not among our dependencies, signed as the SDK would sign them. */
import { SignatureV4 } from '@smithy/signature-v4'
import { XMLParser } from 'fast-xml-parser'
import { Sha256 } from './sha256.ts'
import type { AwsConfig } from './stack.ts'

/** Endpoint, region and credentials; the last two must be there: nothing is read from files. */
export interface CallConfig extends AwsConfig {
  readonly region: string
  readonly credentials: {
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly sessionToken?: string
  }
}

/** What AWS refused, with its code. */
export class CallRefused extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(`${code}: ${message}`)
    this.code = code
  }
}

/** An operation of the JSON 1.1 protocol. Throws CallRefused. */
export async function jsonCall(
  config: CallConfig,
  service: string,
  target: string,
  input: unknown,
): Promise<Readonly<Record<string, unknown>>> {
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target }
  const { ok, text } = await send(config, service, headers, JSON.stringify(input))
  const body = JSON.parse(text === '' ? '{}' : text) as Record<string, unknown>
  if (ok) return body
  const code = String(body['__type'] ?? 'Unknown').replace(/^.*#/, '')
  throw new CallRefused(code, String(body['message'] ?? body['Message'] ?? ''))
}

/** An operation of the query protocol; answers with the XML as a tree of text. Throws CallRefused. */
export async function queryCall(
  config: CallConfig,
  service: string,
  input: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, unknown>>> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const { ok, text } = await send(config, service, headers, new URLSearchParams(input).toString())
  const tree = new XMLParser({ parseTagValue: false, isArray: name => name === 'member' }).parse(
    text,
  ) as Record<string, unknown>
  if (ok) return tree
  const { Error: error = {} } = (tree['ErrorResponse'] ?? {}) as {
    Error?: { Code?: string; Message?: string }
  }
  throw new CallRefused(error.Code ?? 'Unknown', error.Message ?? '')
}

async function send(
  config: CallConfig,
  service: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<{ readonly ok: boolean; readonly text: string }> {
  const { region, credentials } = config
  const url = new URL(config.endpoint ?? `https://${service}.${region}.amazonaws.com/`)
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 })
  const signed = await signer.sign({
    ...{ method: 'POST', protocol: url.protocol, hostname: url.hostname, path: '/', query: {}, body },
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    headers: { ...headers, host: url.host },
  })
  const { host: _, ...sent } = signed.headers
  const answer = await fetch(url, { method: 'POST', headers: sent, body })
  return { ok: answer.ok, text: await answer.text() }
}
