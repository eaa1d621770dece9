import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { StreamRecord } from '../../local/core/services.ts'
import type { MappingConfig } from '../../local/lambda/types.ts'
import { eventually, type Host, makeHost, queueArn } from './lambda-support.ts'

let host: Host
afterEach(() => host.close())

const mapping = (config: Partial<MappingConfig> = {}): MappingConfig => ({
  id: 'm',
  functionName: 'fn',
  eventSourceArn: queueArn('in'),
  enabled: true,
  batchSize: 10,
  batchingWindowSeconds: 0,
  reportBatchItemFailures: false,
  ...config,
})
/** What the function logged as `seen …`, in order. */
const seen = (): readonly string[] =>
  host.logs.lines('/aws/lambda/fn').flatMap(({ message }) => /\tseen (.*)$/.exec(message)?.[1] ?? [])
const finished = (): number =>
  host.logs.lines('/aws/lambda/fn').filter(({ message }) => message.startsWith('REPORT')).length

describe('a queue', () => {
  it('is read in batches of documented records, and messages are deleted when the function returns', async () => {
    host = makeHost()
    host.add('exports.handler = async e => console.log("seen " + JSON.stringify(e.Records))')
    host.lambda.createEventSourceMapping(mapping({ batchSize: 2 }))
    host.lambda.start()
    host.put(['a', 'b', 'c'])
    await eventually(() => expect(host.deleted.toSorted()).toEqual(['handle-a', 'handle-b', 'handle-c']))
    const records = seen().flatMap(line => JSON.parse(line) as { body: string }[])
    expect(records.find(each => each.body === 'a')).toEqual({
      messageId: 'id-a',
      receiptHandle: 'handle-a',
      body: 'a',
      attributes: { ApproximateReceiveCount: '1' },
      messageAttributes: {
        kind: { dataType: 'String', stringValue: 'a', stringListValues: [], binaryListValues: [] },
      },
      md5OfBody: '0cc175b9c0f1b6a831c399e269772661',
      eventSource: 'aws:sqs',
      eventSourceARN: queueArn('in'),
      awsRegion: 'eu-west-1',
    })
  })

  it('keeps only the messages that the function reports as failed', async () => {
    host = makeHost()
    host.add(
      'exports.handler = async e => ({ batchItemFailures: e.Records.filter(r => r.body === "bad").map(r => ({ itemIdentifier: r.messageId })) })',
    )
    host.lambda.createEventSourceMapping(mapping({ reportBatchItemFailures: true }))
    host.lambda.start()
    host.put(['good', 'bad', 'fine'])
    await eventually(() => expect(host.deleted).toEqual(['handle-good', 'handle-fine']))
  })

  it.each([
    ['the function fails', 'exports.handler = async () => { throw new Error("no") }'],
    ['the response is malformed', 'exports.handler = async () => ({ batchItemFailures: [{ id: "id-a" }] })'],
    [
      'the response names a message it was not given',
      'exports.handler = async () => ({ batchItemFailures: [{ itemIdentifier: "x" }] })',
    ],
  ])('keeps the whole batch when %s', async (_, source) => {
    host = makeHost()
    host.add(source)
    host.lambda.createEventSourceMapping(mapping({ reportBatchItemFailures: true }))
    host.lambda.start()
    host.put(['a', 'b'])
    await eventually(() => expect(host.entries.filter(entry => entry.level === 'error')).toHaveLength(1))
    expect(host.deleted).toEqual([])
    expect(host.visible).toEqual([])
  })

  it('waits for a full batch as long as the batching window', async () => {
    host = makeHost()
    host.add('exports.handler = async e => console.log("seen " + e.Records.length)')
    host.lambda.createEventSourceMapping(mapping({ batchSize: 3, batchingWindowSeconds: 300 }))
    host.lambda.start()
    host.put(['a', 'b'])
    host.put(['c'])
    await eventually(() => expect(seen()).toEqual(['3']))
  })

  it('gives messages back when it closes before the function got them', async () => {
    host = makeHost({ maxPerFunction: 1, closeGraceMs: 2000 })
    const fn = host.add('exports.handler = e => new Promise(r => setTimeout(r, 200))')
    host.lambda.createEventSourceMapping(mapping({ batchSize: 1 }))
    host.lambda.start()
    const busy = host.call(fn)
    host.put(['a'])
    expect(host.visible).toEqual([])
    await host.lambda.close()
    await busy
    expect(host.visible.map(message => message.body)).toEqual(['a'])
  })
})

const record = (n: number, eventName: StreamRecord['eventName'] = 'INSERT'): StreamRecord => ({
  eventID: `e${n}`,
  eventName,
  eventSourceARN: 'stream',
  dynamodb: {
    SequenceNumber: String(n),
    ApproximateCreationDateTime: 1_790_000_000,
    Keys: { pk: { S: `k${n}` } },
  },
})
const stream = (config: Partial<MappingConfig> = {}): MappingConfig =>
  mapping({
    eventSourceArn: 'arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/1',
    startingPosition: 'TRIM_HORIZON',
    ...config,
  })
const keys = 'e.Records.map(r => r.dynamodb.Keys.pk.S).join()'
const poison = (...bad: readonly string[]): string =>
  `exports.handler = async e => { const k = ${keys}; console.log("seen " + k); if (${JSON.stringify(bad)}.some(b => k.split(",").includes(b))) throw new Error(k) }`

describe('a stream', () => {
  it('is read in order, past records that no filter pattern matches', async () => {
    host = makeHost()
    host.add(poison())
    host.lambda.createEventSourceMapping(
      stream({
        batchSize: 2,
        filters: [{ eventName: ['INSERT'], dynamodb: { Keys: { pk: { S: [{ prefix: 'k' }] } } } }],
      }),
    )
    host.lambda.start()
    host.record([
      record(1),
      record(2, 'MODIFY'),
      record(3, 'REMOVE'),
      record(4, 'MODIFY'),
      record(5),
      record(6),
    ])
    await eventually(() => expect(seen()).toEqual(['k1', 'k5,k6']))
    await host.lambda.close()
    expect(readFileSync(join(host.realm.dir, 'lambda/stream-positions.json'), 'utf8')).toMatch(/:6\}$/)
  })

  it('tries a failing batch again before anything that follows it', async () => {
    host = makeHost()
    host.add(
      `let n = 0; exports.handler = async e => { console.log("seen " + ${keys}); if (++n < 3) throw new Error("not yet") }`,
    )
    host.lambda.createEventSourceMapping(stream({ batchSize: 1 }))
    host.record([record(1), record(2)])
    host.lambda.start()
    await eventually(() => expect(seen()).toEqual(['k1', 'k1', 'k1', 'k2']))
  })

  it('splits a failing batch until the bad record is alone, and sends its place to the destination', async () => {
    host = makeHost({}, [{ Effect: 'Allow', Action: 'sqs:SendMessage', Resource: queueArn('dead') }])
    host.add(poison('k3'))
    host.lambda.createEventSourceMapping(
      stream({ bisectBatchOnFunctionError: true, maximumRetryAttempts: 1, onFailureArn: queueArn('dead') }),
    )
    host.record([record(1), record(2), record(3), record(4)])
    host.lambda.start()
    await eventually(() => expect(seen()).toEqual(['k1,k2,k3,k4', 'k1,k2', 'k3,k4', 'k3', 'k3', 'k4']))
    expect(JSON.parse(host.sent[0]?.body ?? '')).toMatchObject({
      requestContext: { condition: 'RetryAttemptsExhausted', approximateInvokeCount: 2 },
      DDBStreamBatchInfo: { startSequenceNumber: '3', endSequenceNumber: '3', batchSize: 1 },
    })
  })

  it('goes on from the first record that the function reports as failed', async () => {
    host = makeHost()
    host.add(
      `let n = 0; exports.handler = async e => { console.log("seen " + ${keys}); return { batchItemFailures: n++ ? [] : [{ itemIdentifier: "2" }] } }`,
    )
    host.lambda.createEventSourceMapping(stream({ reportBatchItemFailures: true }))
    host.record([record(1), record(2), record(3)])
    host.lambda.start()
    await eventually(() => expect(seen()).toEqual(['k1,k2,k3', 'k2,k3']))
  })

  it('says loudly that records are lost when they are given up without a destination', async () => {
    host = makeHost()
    host.add(poison('k1'))
    host.lambda.createEventSourceMapping(stream({ maximumRetryAttempts: 0, batchSize: 1 }))
    host.record([record(1), record(2)])
    host.lambda.start()
    await eventually(() => expect(seen()).toEqual(['k1', 'k2']))
    expect(host.entries.some(entry => entry.level === 'error' && entry.message.includes('are lost'))).toBe(
      true,
    )
  })

  it('starts at the end when it is told LATEST', async () => {
    host = makeHost()
    host.add(poison())
    host.record([record(1)])
    host.lambda.createEventSourceMapping(stream({ startingPosition: 'LATEST' }))
    host.lambda.start()
    host.record([record(2)])
    await eventually(() => expect(finished()).toBe(1))
    expect(seen()).toEqual(['k2'])
  })
})
