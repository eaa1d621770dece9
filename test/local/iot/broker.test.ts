import { connect as tlsConnect } from 'node:tls'
import {
  AttachPolicyCommand,
  DeleteCertificateCommand,
  DetachPolicyCommand,
  UpdateCertificateCommand,
} from '@aws-sdk/client-iot'
import type { MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  allowEverything,
  arn,
  closed,
  collect,
  type Device,
  eventually,
  type Lab,
  openLab,
  variable,
} from './support.ts'

const THING = variable('iot:Connection.Thing.ThingName')

let lab: Lab
let watcher: MqttClient
let seen: ReturnType<typeof collect>
beforeAll(async () => {
  lab = await openLab()
  allowEverything(lab.iot)
  // The policy that security.md ships, for `edge/v1` topics.
  lab.iot.createPolicy({
    PolicyName: 'device',
    PolicyDocument: {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: 'iot:Connect',
          Resource: arn('client', THING),
          Condition: { Bool: { 'iot:Connection.Thing.IsAttached': 'true' } },
        },
        { Effect: 'Allow', Action: 'iot:Publish', Resource: arn('topic', `edge/v1/${THING}/*`) },
        {
          Effect: 'Allow',
          Action: 'iot:Subscribe',
          Resource: [arn('topicfilter', `edge/v1/${THING}/down/*`), arn('topicfilter', 'shared/*')],
        },
        { Effect: 'Allow', Action: 'iot:Receive', Resource: arn('topic', `edge/v1/${THING}/down/*`) },
      ],
    },
  })
  watcher = await lab.connect(await lab.provision('watcher'))
  seen = collect(watcher)
  await watcher.subscribeAsync(['$aws/events/presence/#', 'edge/#', 'shared/#'], { qos: 1 })
})
afterAll(() => lab.close())

const device = (name: string): Promise<Device> => lab.provision(name, { policies: ['device'] })
const presence = (kind: 'connected' | 'disconnected', clientId: string) =>
  eventually(`${kind} of ${clientId}`, () => {
    const message = seen.findLast(({ topic }) => topic === `$aws/events/presence/${kind}/${clientId}`)
    return message && (JSON.parse(message.payload.toString()) as Record<string, unknown>)
  })

describe('CONNECT', () => {
  it('takes a device by its certificate and tells of it', async () => {
    const mine = await device('dev-1')
    const client = await lab.connect(mine)
    const event = await presence('connected', 'dev-1')
    expect(event).toMatchObject({
      clientId: 'dev-1',
      eventType: 'connected',
      principalIdentifier: mine.certificateId,
      ipAddress: '127.0.0.1',
      versionNumber: 0,
    })
    expect(event).not.toHaveProperty('thingName')
    await client.endAsync()
    expect(await presence('disconnected', 'dev-1')).toMatchObject({
      sessionIdentifier: event['sessionIdentifier'],
      clientInitiatedDisconnect: true,
      disconnectReason: 'CLIENT_INITIATED_DISCONNECT',
      versionNumber: 0,
    })
    await (await lab.connect(mine)).endAsync()
    await eventually('second version', () =>
      seen.some(
        ({ topic, payload }) =>
          topic.endsWith('/disconnected/dev-1') && JSON.parse(payload.toString()).versionNumber === 1,
      ),
    )
  })

  it('refuses what is not registered, not active or not allowed', async () => {
    const mine = await device('dev-2')
    const { cert: _cert, key: _key, ...bare } = mine
    await expect(
      lab.connect({ ...bare, cert: '', key: '' } as Device, { cert: undefined, key: undefined } as never),
    ).rejects.toThrow(/Not authorized/)
    // The client id is not the thing's name: the thing variables have no value.
    await expect(lab.connect(mine, { clientId: 'dev-1' })).rejects.toThrow(/Not authorized/)
    await expect(lab.connect(mine, { clientId: 'x'.repeat(129) })).rejects.toThrow(/Identifier rejected/)
    const idle = await lab.provision('dev-3', { policies: ['device'], setAsActive: false })
    await expect(lab.connect(idle)).rejects.toThrow(/Not authorized/)
    await lab.control.send(
      new UpdateCertificateCommand({ certificateId: mine.certificateId, newStatus: 'REVOKED' }),
    )
    await expect(lab.connect(mine)).rejects.toThrow(/Not authorized/)
    await lab.control.send(
      new UpdateCertificateCommand({ certificateId: idle.certificateId, newStatus: 'INACTIVE' }),
    )
    expect(lab.logs.filter(({ message }) => message.startsWith('CONNECT refused')).length).toBe(5)
  })

  it('refuses a certificate of another CA', async () => {
    const other = await openLab()
    allowEverything(other.iot)
    const stranger = await other.provision('dev-4')
    await expect(lab.connect(stranger)).rejects.toThrow(/Not authorized/)
    await other.close()
  })

  it('refuses MQTT 5 and last wills beyond the limits', async () => {
    const mine = await device('dev-5')
    await expect(lab.connect(mine, { protocolVersion: 5 })).rejects.toThrow()
    await expect(
      lab.connect(mine, { will: { topic: 'edge/v1/dev-5/up', payload: 'x', qos: 2, retain: false } }),
    ).rejects.toThrow(/Not authorized/)
  })

  it('lets an exclusive thing choose its client id, and names the thing in its events', async () => {
    const mine = await lab.provision('sole', { policies: ['sole'], thingPrincipalType: 'EXCLUSIVE_THING' })
    const client = await lab.connect(mine, { clientId: 'another-id' })
    expect(await presence('connected', 'another-id')).toMatchObject({ thingName: 'sole' })
    await client.publishAsync('edge/v1/sole/up', 'x', { qos: 1 })
    await eventually('its message', () => seen.some(({ topic }) => topic === 'edge/v1/sole/up'))
    await client.endAsync()
  })

  beforeAll(() =>
    lab.iot.createPolicy({
      PolicyName: 'sole',
      PolicyDocument: {
        Statement: [
          { Effect: 'Allow', Action: 'iot:Connect', Resource: '*' },
          { Effect: 'Allow', Action: 'iot:Publish', Resource: arn('topic', `edge/v1/${THING}/*`) },
        ],
      },
    }),
  )

  it('takes over from an older connection of the same client id', async () => {
    const mine = await device('dev-6')
    const older = await lab.connect(mine)
    const gone = closed(older)
    const newer = await lab.connect(mine)
    await gone
    expect(await presence('disconnected', 'dev-6')).toMatchObject({
      disconnectReason: 'DUPLICATE_CLIENTID',
      clientInitiatedDisconnect: false,
      versionNumber: 0,
    })
    await newer.publishAsync('edge/v1/dev-6/up', 'still here', { qos: 1 })
    expect(newer.connected).toBe(true)
    await newer.endAsync()
  })
})

describe('policies on a live connection', () => {
  it('close it on a denied publish, which reaches nobody', async () => {
    const client = await lab.connect(await device('dev-10'))
    const gone = closed(client)
    client.publish('edge/v1/dev-1/up', 'forged')
    await gone
    expect(await presence('disconnected', 'dev-10')).toMatchObject({ disconnectReason: 'AUTH_ERROR' })
    expect(seen.some(({ payload }) => payload.toString() === 'forged')).toBe(false)
  })

  it('close it on RETAIN without iot:RetainPublish', async () => {
    const client = await lab.connect(await device('dev-11'))
    const gone = closed(client)
    client.publish('edge/v1/dev-11/up', 'kept?', { retain: true })
    await gone
    expect(await presence('disconnected', 'dev-11')).toMatchObject({ disconnectReason: 'AUTH_ERROR' })
  })

  it('answer a denied subscription with 0x80 and grant the others', async () => {
    const client = await lab.connect(await device('dev-12'))
    const error = await client
      .subscribeAsync(['edge/v1/dev-12/down/a', 'edge/v1/dev-1/down/a', 'edge/v1/+/down/a'], { qos: 1 })
      .catch((reason: Error) => reason)
    expect(String(error)).toMatch(/Unspecified error|128|refused/i)
    expect(client.connected).toBe(true)
    const got = collect(client)
    await watcher.publishAsync('edge/v1/dev-1/down/a', 'not mine', { qos: 1 })
    await watcher.publishAsync('edge/v1/dev-12/down/a', 'mine', { qos: 1 })
    await eventually('own message', () => got.length > 0)
    expect(got.map(({ payload }) => payload.toString())).toEqual(['mine'])
    await client.endAsync()
  })

  it('keep back messages that the device may not receive', async () => {
    const client = await lab.connect(await device('dev-13'))
    const got = collect(client)
    await client.subscribeAsync(['shared/x', 'edge/v1/dev-13/down/#'], { qos: 1 })
    await watcher.publishAsync('shared/x', 'secret', { qos: 1 })
    await watcher.publishAsync('edge/v1/dev-13/down/1', 'open', { qos: 1 })
    await eventually('the allowed one', () => got.length > 0)
    expect(got.map(({ payload }) => payload.toString())).toEqual(['open'])
    await client.endAsync()
  })

  it('take effect when they change', async () => {
    const mine = await device('dev-14')
    const client = await lab.connect(mine)
    await client.publishAsync('edge/v1/dev-14/up', '1', { qos: 1 })
    await lab.control.send(new AttachPolicyCommand({ policyName: 'everything', target: mine.certificateArn }))
    await client.publishAsync('edge/v1/any/up', '2', { qos: 1 })
    for (const policyName of ['everything', 'device'])
      await lab.control.send(new DetachPolicyCommand({ policyName, target: mine.certificateArn }))
    const gone = closed(client)
    client.publish('edge/v1/dev-14/up', '3')
    await gone
  })

  it.each(['INACTIVE', 'REVOKED'] as const)('end with the certificate: %s', async newStatus => {
    const mine = await device(`dev-15-${newStatus}`)
    const client = await lab.connect(mine)
    const gone = closed(client)
    await lab.control.send(new UpdateCertificateCommand({ certificateId: mine.certificateId, newStatus }))
    await gone
    expect(await presence('disconnected', mine.thingName)).toMatchObject({ disconnectReason: 'AUTH_ERROR' })
    await expect(lab.connect(mine)).rejects.toThrow(/Not authorized/)
    expect(
      await lab.control
        .send(new DeleteCertificateCommand({ certificateId: mine.certificateId }))
        .catch(e => e.name),
    ).toBe('DeleteConflictException')
  })
})

describe('limits', () => {
  it.each<[string, (client: MqttClient, name: string) => unknown]>([
    ['QoS 2', (c, n) => c.publish(`edge/v1/${n}/up`, 'x', { qos: 2 })],
    ['a payload over 128 KB', (c, n) => c.publish(`edge/v1/${n}/up`, Buffer.alloc(128 * 1024 + 1))],
    ['a topic over 256 bytes', (c, n) => c.publish(`edge/v1/${n}/${'x'.repeat(256)}`, 'x')],
    ['a topic of nine levels', (c, n) => c.publish(`edge/v1/${n}/4/5/6/7/8/9`, 'x')],
    ['a subscription with QoS 2', (c, n) => c.subscribe(`edge/v1/${n}/down/a`, { qos: 2 })],
    [
      'nine filters in one SUBSCRIBE',
      (c, n) => c.subscribe(Array.from({ length: 9 }, (_, at) => `edge/v1/${n}/down/${at}`)),
    ],
    ['a forged lifecycle event', c => c.publish('$aws/events/presence/disconnected/dev-1', '{}')],
  ])('close the connection on %s', async (_what, act) => {
    const name = `limit-${seen.length}-${Math.random().toString(36).slice(2)}`
    const client = await lab.connect(await lab.provision(name))
    const gone = closed(client)
    act(client, name)
    await gone
    expect(await presence('disconnected', name)).toMatchObject({ disconnectReason: 'CLIENT_ERROR' })
  })

  it('take 128 KB and eight levels', async () => {
    const client = await lab.connect(await device('dev-20'))
    await client.publishAsync('edge/v1/dev-20/4/5/6/7/8', Buffer.alloc(128 * 1024), { qos: 1 })
    const message = await eventually('the large one', () =>
      seen.find(({ topic }) => topic === 'edge/v1/dev-20/4/5/6/7/8'),
    )
    expect(message.payload.length).toBe(128 * 1024)
    await client.endAsync()
  })

  it('grant 50 subscriptions and refuse the next with 0x80', async () => {
    const client = await lab.connect(await device('dev-21'))
    for (let at = 0; at < 50; at++) await client.subscribeAsync(`edge/v1/dev-21/down/${at}`)
    await expect(client.subscribeAsync('edge/v1/dev-21/down/50')).rejects.toThrow()
    await client.unsubscribeAsync('edge/v1/dev-21/down/0')
    await client.subscribeAsync('edge/v1/dev-21/down/50')
    await client.endAsync()
  })

  it('refuse shared subscriptions aloud', async () => {
    const client = await lab.connect(await lab.provision('dev-22'))
    await expect(client.subscribeAsync('$share/g/edge/x')).rejects.toThrow()
    expect(client.connected).toBe(true)
    expect(lab.logs.some(({ message }) => message.includes('shared subscriptions are not implemented'))).toBe(
      true,
    )
    await client.endAsync()
  })
})

describe('messages', () => {
  it('reach subscribers with the lower QoS of the two', async () => {
    const client = await lab.connect(await device('dev-30'))
    const got = collect(client)
    await client.subscribeAsync('edge/v1/dev-30/down/0', { qos: 0 })
    await client.subscribeAsync('edge/v1/dev-30/down/1', { qos: 1 })
    for (const level of [0, 1]) await watcher.publishAsync(`edge/v1/dev-30/down/${level}`, 'x', { qos: 1 })
    await eventually('both', () => got.length === 2)
    expect(got.map(({ qos }) => qos).sort()).toEqual([0, 1])
    await client.endAsync()
  })

  it('arrive once each, QoS 0 and 1 mixed, through overlapping subscriptions', async () => {
    const client = await lab.connect(await device('dev-35'))
    const got = collect(client)
    await client.subscribeAsync(['edge/v1/dev-35/down/#', 'edge/v1/dev-35/down/x'], { qos: 1 })
    const sent = Array.from({ length: 300 }, (_, at) => String(at))
    await Promise.all(
      sent.map((payload, at) =>
        watcher.publishAsync('edge/v1/dev-35/down/x', payload, { qos: at % 3 === 0 ? 1 : 0 }),
      ),
    )
    await eventually('all of them', () => got.length >= sent.length)
    await watcher.publishAsync('edge/v1/dev-35/down/x', 'end', { qos: 1 })
    await eventually('the end', () => got.some(({ payload }) => payload.toString() === 'end'))
    const numbers = got.map(({ payload }) => payload.toString()).filter(text => text !== 'end')
    expect(numbers.toSorted((a, b) => Number(a) - Number(b))).toEqual(sent)
    await client.endAsync()
  })

  it('wait for a device with a persistent session', async () => {
    const mine = await device('dev-31')
    const session = { clean: false }
    const before = await lab.connect(mine, session)
    // Of these two the second is refused; it must not be kept for later either.
    await before
      .subscribeAsync(['edge/v1/dev-31/down/#', 'edge/v1/dev-1/down/#'], { qos: 1 })
      .catch(() => undefined)
    await before.endAsync()
    await watcher.publishAsync('edge/v1/dev-1/down/x', 'not mine', { qos: 1 })
    await watcher.publishAsync('edge/v1/dev-31/down/x', 'while away', { qos: 1 })
    const connecting = lab.connect(mine, session)
    const got = collect(await connecting)
    await eventually('the kept message', () => got.length > 0)
    expect(got.map(({ payload }) => payload.toString())).toEqual(['while away'])
    await (await connecting).endAsync()
  })

  it('are retained for exact subscriptions and never for wildcards', async () => {
    await watcher.publishAsync('edge/v1/dev-32/down/state', 'desired', { qos: 1, retain: true })
    const client = await lab.connect(await device('dev-32'))
    const got = collect(client)
    await client.subscribeAsync('edge/v1/dev-32/down/#', { qos: 1 })
    await client.subscribeAsync('edge/v1/dev-32/down/state', { qos: 1 })
    await eventually('the retained one', () => got.length > 0)
    await watcher.publishAsync('edge/v1/dev-32/down/last', 'end', { qos: 1 })
    await eventually('the last one', () => got.some(({ payload }) => payload.toString() === 'end'))
    expect(got.filter(({ retain }) => retain).map(({ payload }) => payload.toString())).toEqual(['desired'])
    // An empty one removes it.
    await watcher.publishAsync('edge/v1/dev-32/down/state', '', { qos: 1, retain: true })
    await client.unsubscribeAsync('edge/v1/dev-32/down/state')
    await client.subscribeAsync('edge/v1/dev-32/down/state', { qos: 1 })
    await watcher.publishAsync('edge/v1/dev-32/down/last', 'end 2', { qos: 1 })
    await eventually('the last one', () => got.some(({ payload }) => payload.toString() === 'end 2'))
    expect(got.filter(({ retain }) => retain).length).toBe(1)
    await client.endAsync()
  })

  it('speak for a device that is lost, unless it says goodbye or may not publish there', async () => {
    const will = (topic: string) => ({ topic, payload: Buffer.from('lost'), qos: 1 as const, retain: false })
    const mine = await device('dev-33')
    const polite = await lab.connect(mine, { will: will('edge/v1/dev-33/up/will') })
    await polite.endAsync()
    await presence('disconnected', 'dev-33')
    expect(seen.some(({ topic }) => topic === 'edge/v1/dev-33/up/will')).toBe(false)
    const forger = await lab.connect(mine, { will: will('edge/v1/dev-1/up/will') })
    forger.stream.destroy()
    await eventually(
      'its event',
      () => seen.filter(({ topic }) => topic.endsWith('/disconnected/dev-33')).length === 2,
    )
    const lost = await lab.connect(mine, { will: will('edge/v1/dev-33/up/will') })
    lost.stream.destroy()
    await eventually('the will', () => seen.some(({ topic }) => topic === 'edge/v1/dev-33/up/will'))
    expect(await presence('disconnected', 'dev-33')).toMatchObject({ disconnectReason: 'CONNECTION_LOST' })
    expect(seen.some(({ topic }) => topic === 'edge/v1/dev-1/up/will')).toBe(false)
  })

  it('cannot be overheard on Basic Ingest topics or $SYS', async () => {
    const client = await lab.connect(await lab.provision('dev-34'))
    for (const filter of ['$aws/rules/r/x', '$aws/rules/#', '$SYS/#'])
      await expect(client.subscribeAsync(filter)).rejects.toThrow()
    const got = collect(client)
    await client.subscribeAsync('$aws/#')
    await client.publishAsync('$aws/rules/none/x', 'quiet', { qos: 1 })
    await client.publishAsync('$aws/things/dev-34/x', 'heard', { qos: 1 })
    await eventually('the other', () => got.some(({ payload }) => payload.toString() === 'heard'))
    expect(got.some(({ payload }) => payload.toString() === 'quiet')).toBe(false)
    await client.endAsync()
  })
})

describe('hostile connections', () => {
  it('leave the broker running', async () => {
    const mine = await device('dev-40')
    const { host, port, caPem } = lab.iot.mqtt
    for (const bytes of [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.alloc(64, 0xff),
      Buffer.from([0x10, 0x00]),
      Buffer.from([0x30, 0x03, 0x00, 0x01, 0x61]),
    ]) {
      await new Promise<void>(resolve => {
        const socket = tlsConnect({ host, port, ca: caPem, cert: mine.cert, key: mine.key }, () =>
          socket.write(bytes),
        )
        socket.on('error', () => undefined)
        socket.on('close', () => resolve())
        socket.setTimeout(500, () => socket.destroy())
        socket.resume()
      })
    }
    const client = await lab.connect(mine)
    await client.publishAsync('edge/v1/dev-40/up', 'alive', { qos: 1 })
    await client.endAsync()
  })
})
