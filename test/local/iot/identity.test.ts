import { CreateThingCommand, DescribeThingTypeCommand, UpdateThingCommand } from '@aws-sdk/client-iot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { arn, closed, collect, eventually, type Lab, openLab, variable } from './support.ts'

const SITE = variable('iot:Connection.Thing.Attributes[site]')
const TYPE = variable('iot:Connection.Thing.ThingTypeName')

let lab: Lab
beforeAll(async () => {
  lab = await openLab()
  lab.iot.createThingType({
    ThingTypeName: 'gateway',
    ThingTypeProperties: { ThingTypeDescription: 'a gateway' },
  })
  lab.iot.createPolicy({
    PolicyName: 'by-site',
    PolicyDocument: {
      Statement: [
        {
          Effect: 'Allow',
          Action: 'iot:Connect',
          Resource: arn('client', variable('iot:ClientId')),
          Condition: { StringLike: { 'aws:SourceIp': '127.*' } },
        },
        { Effect: 'Allow', Action: 'iot:Publish', Resource: arn('topic', `site/${SITE}/${TYPE}/*`) },
        { Effect: 'Allow', Action: ['iot:Subscribe', 'iot:Receive'], Resource: '*' },
      ],
    },
  })
})
afterAll(() => lab.close())

describe('policy variables of a thing', () => {
  it('resolve its attributes and its type, as they are now', async () => {
    await lab.control.send(
      new CreateThingCommand({
        thingName: 'gw-1',
        thingTypeName: 'gateway',
        attributePayload: { attributes: { site: 'north' } },
      }),
    )
    const device = await lab.provision('gw-1', { policies: ['by-site'], existing: true })
    const client = await lab.connect(device)
    const got = collect(client)
    await client.subscribeAsync('site/#', { qos: 1 })
    await client.publishAsync('site/north/gateway/x', '1', { qos: 1 })
    await eventually('the message', () => got.length === 1)
    await lab.control.send(
      new UpdateThingCommand({ thingName: 'gw-1', attributePayload: { attributes: { site: 'south' } } }),
    )
    await client.publishAsync('site/south/gateway/x', '2', { qos: 1 })
    await eventually('the second', () => got.length === 2)
    const gone = closed(client)
    client.publish('site/north/gateway/x', '3')
    await gone
    expect(got.length).toBe(2)
  })

  it('have no value for a client id that is not the thing, nor for a missing attribute', async () => {
    const device = await lab.provision('gw-2', { policies: ['by-site'] })
    for (const clientId of ['gw-2', 'somebody']) {
      const client = await lab.connect(device, { clientId })
      const gone = closed(client)
      client.publish('site/north/gateway/x', 'x')
      await gone
    }
  })

  it('come with a thing type of the template', async () => {
    expect(await lab.control.send(new DescribeThingTypeCommand({ thingTypeName: 'gateway' }))).toMatchObject({
      thingTypeProperties: { thingTypeDescription: 'a gateway' },
    })
  })
})
