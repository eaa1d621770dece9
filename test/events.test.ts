/** Every file of `events/` fits its contract and is run through its bundled handler, in the order of the loop. */
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Cloud } from '../local/cloud.ts'
import { startEdgeloop } from '../scripts/lib/local-cloud.ts'
import { eventContracts } from '../src/contracts/events/index.ts'
import { uplinkKinds } from '../src/contracts/mqtt.ts'
import { parseSample } from './event-samples/contract.ts'
import { expected } from './event-samples/expected.ts'
import { functions, handlerName, readTemplate, root } from './template-rules/template.ts'

const template = readTemplate()
const handlers = functions(template).map(([id]) => handlerName(template, id))

const files = globSync('events/*', { cwd: root })
  .sort()
  .map(file => {
    const name = file.replace(/^events\//, '').replace(/\.json$/, '')
    const fn = handlers.find(h => name.slice(3).startsWith(`${h}-`)) ?? ''
    return { name, fn, event: JSON.parse(readFileSync(new URL(file, root), 'utf8')) as unknown }
  })

describe('events/', () => {
  it('holds the files that are expected, numbered in order, each of a function', () => {
    expect(files.map(f => f.name)).toEqual(Object.keys(expected))
    expect(files.map(f => Number(f.name.slice(0, 2)))).toEqual(files.map((_, i) => i + 1))
    expect(files.filter(f => f.fn === '').map(f => f.name)).toEqual([])
  })
  it.each(files)('$name fits its contract', ({ name, fn, event }) => {
    expect(parseSample(fn, event, expected[name]?.poison)).not.toEqual([])
  })
  it('has one for every function, every domain event and every kind of device message', () => {
    const held = new Set(files.flatMap(f => parseSample(f.fn, f.event, expected[f.name]?.poison)))
    expect([...held]).toEqual(expect.arrayContaining(eventContracts.map(c => c.type)))
    expect([...held]).toEqual(expect.arrayContaining(uplinkKinds.map(kind => `uplink ${kind}`)))
    expect([...new Set(files.map(f => f.fn))].sort()).toEqual([...handlers].sort())
  })
})

interface Rejection {
  readonly rejection: string
  readonly code: string
}

describe('the bundled handlers', () => {
  let cloud: Cloud
  let lambda: LambdaClient
  let s3: S3Client
  const dir = mkdtempSync(join(tmpdir(), 'events-'))
  const seen = new Set<string>()

  beforeAll(async () => {
    cloud = await startEdgeloop({ dir, port: 0, mqttPort: 0 })
    const { endpoint, credentials, realm } = cloud
    const config = { endpoint, credentials, region: realm.region, maxAttempts: 1 }
    lambda = new LambdaClient(config)
    s3 = new S3Client({ ...config, forcePathStyle: true })
  })
  afterAll(async () => {
    lambda?.destroy()
    s3?.destroy()
    await cloud?.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const invoke = async (
    fn: string,
    event: unknown,
  ): Promise<{ error: string | undefined; payload: unknown }> => {
    const answer = await lambda.send(
      new InvokeCommand({ FunctionName: `edgeloop-dev-${fn}`, Payload: Buffer.from(JSON.stringify(event)) }),
    )
    const payload: unknown = JSON.parse(Buffer.from(answer.Payload ?? []).toString() || 'null')
    return { error: answer.FunctionError && JSON.stringify(payload), payload }
  }
  /** Codes of what has been refused since the last call. */
  const newlyRejected = async (): Promise<string[]> => {
    const { payload } = await invoke('ops-query', {
      routeKey: 'GET /v1/rejected-inputs',
      rawPath: '/v1/rejected-inputs',
      queryStringParameters: { limit: '500' },
    })
    const { rejections } = JSON.parse((payload as { body: string }).body) as { rejections: Rejection[] }
    const fresh = rejections.filter(r => !seen.has(r.rejection))
    for (const { rejection } of fresh) seen.add(rejection)
    return fresh.map(r => r.code).sort()
  }
  /** The same event for an object that is really there. */
  const dropped = async (event: unknown, body: string): Promise<unknown> => {
    const made = structuredClone(event) as {
      detail: { bucket: { name: string }; object: Record<string, unknown> }
    }
    const { bucket, object } = made.detail
    const answer = await s3.send(
      new PutObjectCommand({ Bucket: bucket.name, Key: String(object['key']), Body: body }),
    )
    object['version-id'] = answer.VersionId
    return made
  }

  it.each(files)('$name', async ({ name, fn, event }) => {
    const { returns, rejected = [], object } = expected[name] ?? { returns: 'nothing' }
    const { error, payload } = await invoke(fn, object === undefined ? event : await dropped(event, object))
    expect(error).toBeUndefined()
    if (returns === 'nothing') expect(payload).toBeNull()
    else if (returns === 'no failures') expect(payload).toEqual({ batchItemFailures: [] })
    else if ('answer' in returns) expect(payload).toEqual(returns.answer)
    else if ('answerTo' in returns) expect(payload).toEqual(returns.answerTo(event))
    else if ('status' in returns) expect(payload).toMatchObject({ statusCode: returns.status })
    else {
      const { Records } = event as { Records: { messageId: string }[] }
      const failed = returns.failed.map(i => ({ itemIdentifier: Records[i]?.messageId }))
      expect(payload).toEqual({ batchItemFailures: failed })
    }
    expect(await newlyRejected()).toEqual([...rejected])
  })
  it('and no role was short of a right', () => {
    expect(cloud.denials.map(d => d.message)).toEqual([])
  })
})
