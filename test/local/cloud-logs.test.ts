import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CallContext } from '../../local/core/types.ts'
import { createIam } from '../../local/iam/index.ts'
import { compileFilter } from '../../local/logs/filter.ts'
import { createLogs, type LocalLogs } from '../../local/logs/index.ts'
import { makeRealm } from './lambda-support.ts'

let place: ReturnType<typeof makeRealm>
let logs: LocalLogs
let now: number
beforeEach(() => {
  place = makeRealm()
  now = 1_000_000
  const realm = { ...place.realm, now: () => new Date(now) }
  logs = createLogs({ realm, iam: createIam(realm), linesPerGroup: 100 })
})
afterEach(async () => {
  await logs.close()
  place.remove()
})

const asked: string[] = []
const ctx: CallContext = {
  principal: { kind: 'operator', arn: 'arn' },
  requestId: 'r',
  authorize: (...needs) => void asked.push(...needs.map(need => `${need.action} ${need.resource}`)),
}
const call = async (operation: string, input: Record<string, unknown>) =>
  (await logs.service.operations[operation]?.(input, ctx)) as Record<string, unknown> & {
    events: { message: string; eventId?: string }[]
  }
const messages = async (operation: string, input: Record<string, unknown>) =>
  (await call(operation, input)).events.map(event => event.message)

describe('log groups', () => {
  it('keep the newest lines in memory and all of them in a file', async () => {
    logs.createLogGroup({ LogGroupName: '/aws/lambda/fn', RetentionInDays: 7 })
    for (let i = 0; i < 400; i++) logs.put('/aws/lambda/fn', 's', `line ${i}`)
    await logs.close()
    const kept = logs.lines('/aws/lambda/fn')
    expect(kept.length).toBeLessThanOrEqual(125)
    expect(kept.length).toBeGreaterThanOrEqual(100)
    expect(kept.at(-1)?.message).toBe('line 399')
    const file = readFileSync(join(place.realm.dir, 'logs/aws_lambda_fn.log'), 'utf8').trimEnd().split('\n')
    expect(file).toHaveLength(400)
    expect(file[0]).toBe('1970-01-01T00:16:40.000Z s line 0')
  })

  it('are listed with their streams, on permission', async () => {
    logs.createLogGroup({ LogGroupName: 'b', RetentionInDays: 7 })
    logs.put('a', 'one', 'x')
    now += 5
    logs.put('a', 'two', 'y')
    expect(await call('DescribeLogGroups', { logGroupNamePrefix: 'b' })).toMatchObject({
      logGroups: [{ logGroupName: 'b', retentionInDays: 7, storedBytes: 0 }],
    })
    expect(
      await call('DescribeLogStreams', {
        logGroupName: 'a',
        orderBy: 'LastEventTime',
        descending: true,
        limit: 1,
      }),
    ).toMatchObject({ logStreams: [{ logStreamName: 'two', lastEventTimestamp: 1_000_005 }], nextToken: '1' })
    expect(asked).toContain('logs:DescribeLogStreams arn:aws:logs:eu-west-1:123456789012:log-group:a:*')
  })

  it('page through one stream forwards and backwards', async () => {
    for (const n of [1, 2, 3, 4, 5]) logs.put('g', n === 3 ? 'other' : 's', `m${n}`)
    const first = await call('GetLogEvents', {
      logGroupName: 'g',
      logStreamName: 's',
      startFromHead: true,
      limit: 3,
    })
    expect(first.events.map(event => event.message)).toEqual(['m1', 'm2', 'm4'])
    const token = first['nextForwardToken']
    const next = await call('GetLogEvents', { logGroupName: 'g', logStreamName: 's', nextToken: token })
    expect(next.events.map(event => event.message)).toEqual(['m5'])
    const last = next['nextForwardToken']
    const end = await call('GetLogEvents', { logGroupName: 'g', logStreamName: 's', nextToken: last })
    expect(end).toMatchObject({ events: [], nextForwardToken: last })
    const back = { logGroupName: 'g', logStreamName: 's', nextToken: next['nextBackwardToken'] }
    expect(await messages('GetLogEvents', back)).toEqual(['m1', 'm2', 'm4'])
  })

  it('filter over streams by time, pattern and page', async () => {
    for (const n of [1, 2, 3]) {
      logs.put('g', 's', `ERROR ${n}`)
      now += 10
      logs.put('g', 't', `fine ${n}`)
    }
    expect(await messages('FilterLogEvents', { logGroupName: 'g', filterPattern: 'ERROR' })).toEqual([
      'ERROR 1',
      'ERROR 2',
      'ERROR 3',
    ])
    expect(
      await messages('FilterLogEvents', { logGroupName: 'g', startTime: 1_000_020, logStreamNames: ['s'] }),
    ).toEqual(['ERROR 3'])
    expect(await messages('FilterLogEvents', { logGroupName: 'g', endTime: 1_000_000 })).toEqual(['ERROR 1'])
    const page = await call('FilterLogEvents', { logGroupName: 'g', limit: 4 })
    expect(page.events).toHaveLength(4)
    expect(await messages('FilterLogEvents', { logGroupName: 'g', nextToken: page['nextToken'] })).toEqual([
      'ERROR 3',
      'fine 3',
    ])
  })

  it('take lines over the API into streams that exist', async () => {
    logs.createLogGroup({ LogGroupName: 'g' })
    const event = { logGroupName: 'g', logStreamName: 's', logEvents: [{ timestamp: 5, message: 'hello' }] }
    await expect(call('PutLogEvents', event)).rejects.toMatchObject({ code: 'ResourceNotFoundException' })
    await call('CreateLogStream', { logGroupName: 'g', logStreamName: 's' })
    await expect(call('CreateLogStream', { logGroupName: 'g', logStreamName: 's' })).rejects.toMatchObject({
      code: 'ResourceAlreadyExistsException',
    })
    await call('PutLogEvents', event)
    expect(await messages('FilterLogEvents', { logGroupName: 'g' })).toEqual(['hello'])
  })

  it.each<[string, Record<string, unknown>, string]>([
    ['FilterLogEvents', {}, 'logGroupName is missing'],
    ['FilterLogEvents', { logGroupName: 'none' }, 'does not exist'],
    ['FilterLogEvents', { logGroupName: 5 }, 'logGroupName must be a string'],
    ['GetLogEvents', { logGroupName: 'g', logStreamName: 'none' }, 'log stream does not exist'],
    ['FilterLogEvents', { logGroupName: 'g', limit: 0 }, 'limit must be from 1'],
    [
      'PutLogEvents',
      { logGroupName: 'g', logStreamName: 's', logEvents: [null] },
      'needs message and timestamp',
    ],
    ['CreateLogStream', { logGroupName: 'g', logStreamName: 'a:b' }, 'is not allowed'],
  ])('refuse %s with %j', async (operation, input, message) => {
    logs.put('g', 's', 'x')
    await expect(call(operation, input)).rejects.toThrow(message)
  })
})

describe('filter patterns', () => {
  const line = '{"level":"ERROR","n":7,"who":{"thing":"gw-12"},"list":[{"x":true}]}'
  it.each<[string, string, boolean]>([
    ['', 'anything', true],
    ['a b', 'b then a', true],
    ['a b', 'only a', false],
    ['"a b"', 'b a', false],
    ['"a b"', 'x a b y', true],
    ['?a ?b', 'b', true],
    ['?a ?b', 'c', false],
    ['a -b', 'a', true],
    ['a -b', 'ab', false],
    ['{ $.level = "ERROR" }', line, true],
    ['{ $.level != "ERROR" }', line, false],
    ['{ $.n >= 7 && $.n < 8 }', line, true],
    ['{ $.n > 7 || $.who.thing = "gw-*" }', line, true],
    ['{ $.who.thing = "gw" }', line, false],
    ['{ $.list[0].x = true }', line, true],
    ['{ $.missing = "x" }', line, false],
    ['{ $.level = "ERROR" }', 'no JSON', false],
  ])('%s on %s: %s', (pattern, text, expected) => {
    expect(compileFilter(pattern)(text)).toBe(expected)
  })
  it.each(['[a, b]', '%x%', '{ $.a', '{ a is b }'])('%s is refused', pattern => {
    expect(() => compileFilter(pattern)).toThrow('Invalid filter pattern')
  })
})
