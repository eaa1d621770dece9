import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  GetRetainedMessageCommand,
  GetThingShadowCommand,
  ListRetainedMessagesCommand,
  PublishCommand,
} from '@aws-sdk/client-iot-data-plane'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allowEverything, arn, collect, eventually, type Lab, openLab } from './support.ts'

let lab: Lab
beforeAll(async () => {
  lab = await openLab()
  allowEverything(lab.iot)
})
afterAll(() => lab.close())

const nameOf = (sending: Promise<unknown>) =>
  sending.then(
    () => 'no error',
    (error: Error & { $metadata?: { httpStatusCode?: number } }) =>
      `${error.name} ${error.$metadata?.httpStatusCode}`,
  )

describe('Publish', () => {
  it('reaches subscribers and checks iot:Publish, and iot:RetainPublish when it retains', async () => {
    const client = await lab.connect(await lab.provision('listener'))
    const got = collect(client)
    await client.subscribeAsync('a/+', { qos: 1 })
    lab.authorized.length = 0
    await lab.data.send(new PublishCommand({ topic: 'a/b', qos: 1, payload: Buffer.from([0, 255]) }))
    await eventually('the message', () => got.length === 1)
    expect(got[0]).toMatchObject({ topic: 'a/b', payload: Buffer.from([0, 255]), retain: false, qos: 1 })
    expect(lab.authorized).toEqual([{ action: 'iot:Publish', resource: arn('topic', 'a/b') }])
    await lab.data.send(new PublishCommand({ topic: 'a/c', retain: true, payload: Buffer.from('x') }))
    expect(lab.authorized.slice(1)).toEqual([
      { action: 'iot:Publish', resource: arn('topic', 'a/c') },
      { action: 'iot:RetainPublish', resource: arn('topic', 'a/c') },
    ])
  })

  it('refuses what AWS refuses', async () => {
    const send = (input: { topic: string; qos?: number; payload?: Uint8Array }) =>
      nameOf(lab.data.send(new PublishCommand(input)))
    expect(await send({ topic: 'a/#' })).toBe('InvalidRequestException 400')
    expect(await send({ topic: 'a', qos: 2 })).toBe('InvalidRequestException 400')
    expect(await send({ topic: '1/2/3/4/5/6/7/8/9' })).toBe('InvalidRequestException 400')
    expect(await send({ topic: 'a', payload: Buffer.alloc(128 * 1024 + 1) })).toBe(
      'RequestEntityTooLargeException 413',
    )
    expect(await nameOf(lab.data.send(new GetThingShadowCommand({ thingName: 't' })))).toBe(
      'NotImplemented 501',
    )
  })
})

describe('retained messages', () => {
  it('are read, listed by pages and removed by an empty one', async () => {
    for (const at of [1, 2, 3])
      await lab.data.send(
        new PublishCommand({ topic: `kept/${at}`, retain: true, qos: 1, payload: Buffer.from(`v${at}`) }),
      )
    const one = await lab.data.send(new GetRetainedMessageCommand({ topic: 'kept/1' }))
    expect(Buffer.from(one.payload ?? []).toString()).toBe('v1')
    expect(one).toMatchObject({ topic: 'kept/1', qos: 1 })
    expect(Math.abs((one.lastModifiedTime ?? 0) - Date.now())).toBeLessThan(3_600_000)
    const topics: string[] = []
    let nextToken: string | undefined
    do {
      const page = await lab.data.send(new ListRetainedMessagesCommand({ maxResults: 2, nextToken }))
      topics.push(...(page.retainedTopics ?? []).map(({ topic, payloadSize }) => `${topic} ${payloadSize}`))
      nextToken = page.nextToken
    } while (nextToken)
    expect(topics.filter(text => text.startsWith('kept/'))).toEqual(['kept/1 2', 'kept/2 2', 'kept/3 2'])
    await lab.data.send(new PublishCommand({ topic: 'kept/1', retain: true, payload: Buffer.alloc(0) }))
    expect(await nameOf(lab.data.send(new GetRetainedMessageCommand({ topic: 'kept/1' })))).toBe(
      'ResourceNotFoundException 404',
    )
  })

  it('outlive a restart, bytes and all', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'iot-'))
    try {
      const before = await openLab({ dir })
      allowEverything(before.iot)
      const device = await before.provision('d')
      const payload = Buffer.from([0, 1, 254, 255])
      await before.data.send(new PublishCommand({ topic: 'fleet/manifest', retain: true, qos: 1, payload }))
      await before.close()
      const after = await openLab({ dir })
      const client = await after.connect(device)
      const got = collect(client)
      await client.subscribeAsync('fleet/manifest', { qos: 1 })
      await eventually('the manifest', () => got.length === 1)
      expect(got[0]).toMatchObject({ payload, retain: true, qos: 1 })
      await after.close()
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })
})
