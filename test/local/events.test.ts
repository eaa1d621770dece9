import {
  DescribeRuleCommand,
  DisableRuleCommand,
  EnableRuleCommand,
  ListEventBusesCommand,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  TestEventPatternCommand,
} from '@aws-sdk/client-eventbridge'
import { describe, expect, it } from 'vitest'
import {
  bridge,
  client,
  FN,
  faults,
  invoked,
  needs,
  put,
  QUEUE,
  realm,
  rule,
  sent,
  useBridge,
} from './events-bridge.ts'
import { until } from './events-support.ts'

useBridge()

describe('PutEvents', () => {
  it('delivers the whole envelope to a function on behalf of the rule', async () => {
    const { arn } = rule()
    const time = new Date('2026-01-02T03:04:05Z')
    const answer = await put({ Time: time, Resources: ['arn:x'] })
    await until(() => invoked.length === 1)
    expect(invoked[0]).toEqual({
      arn: FN,
      source: { service: 'events.amazonaws.com', sourceArn: arn },
      event: {
        version: '0',
        id: answer.Entries?.[0]?.EventId,
        'detail-type': 'Done',
        source: 'app',
        account: '123456789012',
        time: '2026-01-02T03:04:05Z',
        region: 'eu-west-1',
        resources: ['arn:x'],
        detail: { n: 1, s: 'a"b' },
      },
    })
    expect(arn).toBe('arn:aws:events:eu-west-1:123456789012:rule/edge/r')
    expect(needs[0]).toMatchObject({
      action: 'events:PutEvents',
      resource: 'arn:aws:events:eu-west-1:123456789012:event-bus/edge',
      context: { 'events:source': 'app', 'events:detail-type': 'Done' },
    })
  })
  it('reports each bad entry by itself', async () => {
    rule()
    const base = { Source: 'app', DetailType: 'Done', Detail: '{}', EventBusName: 'edge' }
    const answer = await client.send(
      new PutEventsCommand({
        Entries: [
          base,
          { ...base, Detail: '[1]' },
          { ...base, Detail: '{' },
          { ...base, Detail: `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}` },
          { ...base, EventBusName: 'nowhere' },
          { ...base, Source: 'aws.s3' },
          { ...base, DetailType: undefined },
          { ...base, EventBusName: 'arn:aws:events:eu-west-1:123456789012:event-bus/edge' },
        ],
      }),
    )
    expect(answer.FailedEntryCount).toBe(6)
    expect(answer.Entries?.map(entry => entry.ErrorCode)).toEqual([
      undefined,
      'MalformedDetail',
      'MalformedDetail',
      'MalformedDetail',
      'ResourceNotFoundException',
      'NotAuthorizedForSourceException',
      'InvalidArgument',
      undefined,
    ])
    await until(() => invoked.length === 2)
  })
  it('refuses too many, too large and unauthorised', async () => {
    const entry = { Source: 'app', DetailType: 'Done', Detail: '{}', EventBusName: 'edge' }
    await expect(client.send(new PutEventsCommand({ Entries: Array(11).fill(entry) }))).rejects.toMatchObject(
      {
        name: 'ValidationException',
      },
    )
    await expect(put({ Detail: JSON.stringify({ x: 'y'.repeat(1_048_576) }) })).rejects.toThrow(
      'over the limit',
    )
    faults.allow = false
    await expect(put()).rejects.toMatchObject({ name: 'AccessDenied' })
  })
  it('does not deliver across buses, to disabled rules or past the pattern', async () => {
    rule({}, { Name: 'default-bus', EventBusName: 'default' })
    rule({}, { Name: 'off', State: 'DISABLED' })
    rule({}, { Name: 'other', EventPattern: { source: ['b'] } })
    rule({ Arn: QUEUE }, { Name: 'on' })
    await put()
    await until(() => sent.length === 1)
    expect(invoked).toEqual([])
  })
})

describe('the default bus', () => {
  it('takes service events and tells listeners', async () => {
    const seen: string[] = []
    const stop = bridge.onEvent((event, bus) => seen.push(`${bus} ${event['source']}`))
    bridge.onEvent(() => {
      throw new Error('listener')
    })
    rule({}, { EventBusName: 'default', EventPattern: { source: ['aws.s3'], detail: { bucket: ['b'] } } })
    bridge.emit({
      source: 'aws.s3',
      detailType: 'Object Created',
      resources: ['arn:b'],
      detail: { bucket: 'b' },
    })
    await until(() => invoked.length === 1)
    expect(invoked[0]?.event).toMatchObject({
      source: 'aws.s3',
      'detail-type': 'Object Created',
      resources: ['arn:b'],
    })
    expect(seen).toEqual(['default aws.s3'])
    stop()
    bridge.emit({ source: 'aws.s3', detailType: 'x', resources: [], detail: { bucket: 'b' } })
    await until(() => invoked.length === 2)
    expect(seen).toHaveLength(1)
  })
  it('fires schedules with the scheduled event, and not while disabled', async () => {
    realm.clock = new Date('2026-11-21T00:00:10Z')
    const { arn } = rule(
      {},
      { EventBusName: undefined, EventPattern: undefined, ScheduleExpression: 'cron(0/5 * * * ? *)' },
    )
    realm.clock = new Date('2026-11-21T00:05:03Z')
    await until(() => invoked.length === 1)
    expect(invoked[0]?.event).toMatchObject({
      source: 'aws.events',
      'detail-type': 'Scheduled Event',
      resources: [arn],
      time: '2026-11-21T00:05:00Z',
      detail: {},
    })
    await client.send(new DisableRuleCommand({ Name: 'r' }))
    realm.clock = new Date('2026-11-21T01:00:00Z')
    await new Promise(resolve => setTimeout(resolve, 30))
    expect(invoked).toHaveLength(1)
    await client.send(new EnableRuleCommand({ Name: 'r' }))
    realm.clock = new Date('2026-11-21T01:05:00Z')
    await until(() => invoked.length === 2)
  })
})

describe('reading', () => {
  it('lists and describes', async () => {
    rule()
    rule(
      { Arn: QUEUE },
      {
        Name: 's',
        EventBusName: 'default',
        EventPattern: undefined,
        ScheduleExpression: 'rate(1 day)',
        Description: 'daily',
      },
    )
    const buses = await client.send(new ListEventBusesCommand({}))
    expect(buses.EventBuses?.map(bus => bus.Name)).toEqual(['default', 'edge'])
    const described = await client.send(new DescribeRuleCommand({ Name: 'r', EventBusName: 'edge' }))
    expect(described).toMatchObject({
      State: 'ENABLED',
      EventBusName: 'edge',
      EventPattern: '{"source":["app"]}',
    })
    const listed = await client.send(new ListRulesCommand({ NamePrefix: 's' }))
    expect(listed.Rules).toMatchObject([
      { Name: 's', ScheduleExpression: 'rate(1 day)', Description: 'daily' },
    ])
    const targets = await client.send(new ListTargetsByRuleCommand({ Rule: 's' }))
    expect(targets.Targets).toEqual([{ Id: 't', Arn: QUEUE }])
    await expect(client.send(new DescribeRuleCommand({ Name: 'none' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    })
  })
  it('tests patterns', async () => {
    const event = {
      id: '1',
      account: '1',
      source: 'app',
      time: 't',
      region: 'r',
      resources: [],
      'detail-type': 'd',
    }
    const test = (EventPattern: string, Event: string) =>
      client.send(new TestEventPatternCommand({ EventPattern, Event }))
    expect((await test('{"source":["app"]}', JSON.stringify(event))).Result).toBe(true)
    expect((await test('{"source":["b"]}', JSON.stringify(event))).Result).toBe(false)
    await expect(test('{"source":"b"}', JSON.stringify(event))).rejects.toMatchObject({
      name: 'InvalidEventPatternException',
    })
    await expect(test('nope', JSON.stringify(event))).rejects.toMatchObject({
      name: 'InvalidEventPatternException',
    })
    await expect(test('{"source":["b"]}', '{"id":"1"}')).rejects.toThrow('account is a required field')
  })
})
