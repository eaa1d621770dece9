import { afterEach, describe, expect, it } from 'vitest'
import { eventually, type Host, makeHost, queueArn } from './lambda-support.ts'

let host: Host
afterEach(() => host.close())

const sendTo = (name: string) =>
  ({ Effect: 'Allow', Action: 'sqs:SendMessage', Resource: queueArn(name) }) as const
const failing = 'let n = 0; exports.handler = async () => { throw new Error("attempt " + ++n) }'

describe('asynchronous invocation', () => {
  it('is refused to a service that no permission names, and the denial is recorded', async () => {
    host = makeHost()
    const fn = host.add('exports.handler = async () => 1')
    const iot = { service: 'iot.amazonaws.com', sourceArn: 'arn:aws:iot:eu-west-1:123456789012:rule/r' }
    const attempt = () => host.lambda.invokeAsync(fn.arn, Buffer.from('{}'), iot)
    await expect(attempt()).rejects.toMatchObject({ code: 'AccessDeniedException' })
    expect(host.iam.denials).toMatchObject([{ action: 'lambda:InvokeFunction', resource: fn.arn }])

    host.lambda.addPermission('fn', { ...iot, sourceArn: 'arn:aws:iot:eu-west-1:123456789012:rule/other' })
    await expect(attempt()).rejects.toThrow('AWS::Lambda::Permission')
    host.lambda.addPermission('fn', { ...iot, sourceArn: 'arn:aws:iot:eu-west-1:123456789012:rule/*' })
    await attempt()
    await eventually(() => expect(host.lambda.status().pendingEvents).toBe(0))
  })

  it('retries twice by default, with the same request id, and sends the documented record on failure', async () => {
    host = makeHost({}, [sendTo('dead')])
    const fn = host.add(failing)
    host.lambda.setEventInvokeConfig('fn', {
      maximumRetryAttempts: 2,
      maximumEventAgeSeconds: 21_600,
      onFailureArn: queueArn('dead'),
    })
    await host.callAsync(fn, { order: 7 })
    await eventually(() => expect(host.sent).toHaveLength(1))
    const [{ queue, body, as }] = host.sent as [(typeof host.sent)[0]]
    expect(queue).toBe(queueArn('dead'))
    expect(as).toBe('arn:aws:sts::123456789012:assumed-role/role/fn')
    expect(JSON.parse(body)).toEqual({
      version: '1.0',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      requestContext: {
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        functionArn: `${fn.arn}:$LATEST`,
        condition: 'RetriesExhausted',
        approximateInvokeCount: 3,
      },
      requestPayload: { order: 7 },
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
      responsePayload: { errorType: 'Error', errorMessage: 'attempt 3', trace: expect.any(Array) },
    })
    const starts = host.logs.lines('/aws/lambda/fn').filter(line => line.message.startsWith('START'))
    expect(starts).toHaveLength(3)
    expect(new Set(starts.map(line => line.message)).size).toBe(1)
  })

  it('stops retrying as soon as an attempt succeeds', async () => {
    host = makeHost()
    const fn = host.add(
      'let n = 0; exports.handler = async () => { if (++n < 2) throw new Error("once"); return n }',
    )
    await host.callAsync(fn)
    await eventually(() => expect(host.lambda.status().pendingEvents).toBe(0))
    expect(host.logs.lines('/aws/lambda/fn').filter(line => line.message.startsWith('START'))).toHaveLength(2)
    expect(host.sent).toEqual([])
  })

  it('gives an event up when it is older than it may become', async () => {
    let now = Date.UTC(2026, 0, 1)
    host = makeHost({}, [sendTo('dead')])
    const realm = host.realm as { now: () => Date }
    realm.now = () => new Date(now)
    const fn = host.add(failing)
    host.lambda.setEventInvokeConfig('fn', {
      maximumRetryAttempts: 2,
      maximumEventAgeSeconds: 60,
      onFailureArn: queueArn('dead'),
    })
    const accepted = host.callAsync(fn)
    now += 61_000
    await accepted
    now += 61_000
    await eventually(() => expect(host.sent).toHaveLength(1))
    expect(JSON.parse(host.sent[0]?.body ?? '')).toMatchObject({
      requestContext: { condition: 'EventAgeExceeded', approximateInvokeCount: 1 },
    })
  })

  it('sends the payload, with the error as attributes, to a dead-letter queue', async () => {
    host = makeHost({}, [sendTo('dlq')])
    const fn = host.add(failing, { deadLetterArn: queueArn('dlq') })
    host.lambda.setEventInvokeConfig('fn', { maximumRetryAttempts: 0, maximumEventAgeSeconds: 60 })
    await host.callAsync(fn, { a: 1 })
    await eventually(() => expect(host.sent).toHaveLength(1))
    expect(host.sent[0]).toMatchObject({
      body: '{"a":1}',
      attributes: { ErrorCode: '200', ErrorMessage: 'attempt 1', RequestID: expect.any(String) },
    })
  })

  it('says loudly that an event is lost when its destination refuses it, or when there is none', async () => {
    host = makeHost()
    const fn = host.add(failing)
    host.lambda.setEventInvokeConfig('fn', {
      maximumRetryAttempts: 0,
      maximumEventAgeSeconds: 60,
      onFailureArn: queueArn('closed'),
    })
    const losses = () => host.entries.filter(entry => entry.message.includes('is lost'))
    await host.callAsync(fn)
    await eventually(() => expect(losses()).toHaveLength(1))
    expect(losses()[0]).toMatchObject({ level: 'error', functionName: 'fn' })
    expect(host.iam.denials).toMatchObject([{ action: 'sqs:SendMessage', functionName: 'fn' }])

    host.lambda.setEventInvokeConfig('fn', { maximumRetryAttempts: 0, maximumEventAgeSeconds: 60 })
    await host.callAsync(fn)
    await eventually(() => expect(losses()).toHaveLength(2))
  })

  it('lets what runs finish when it closes, and starts nothing more', async () => {
    host = makeHost({ maxPerFunction: 1, asyncRetryDelaysMs: [60_000] })
    const fn = host.add(
      'exports.handler = e => new Promise((done, fail) => setTimeout(e.fail ? fail : done, 200, new Error("x")))',
    )
    await host.callAsync(fn, { fail: true })
    await host.callAsync(fn)
    await host.lambda.close()
    expect(host.logs.lines('/aws/lambda/fn').filter(line => line.message.startsWith('REPORT'))).toHaveLength(
      1,
    )
    expect(host.entries.at(-1)?.message).toContain('2 asynchronous event(s) were dropped')
    expect(host.lambda.status()).toEqual({ sandboxes: 0, running: 0, pendingEvents: 0 })
  })
})
