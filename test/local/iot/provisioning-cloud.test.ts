// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax of Fn::Sub
/** The whole way in one cloud: the template's resources, a real hook function, a device that starts with a claim. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DescribeThingCommand, IoTClient } from '@aws-sdk/client-iot'
import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Cloud, startCloud } from '../../../local/cloud.ts'
import { functionRole, lambdaFunction, logGroup, packageService, permission } from '../cloud-support.ts'
import {
  claimCertificate,
  deviceOf,
  openClaim,
  provisionTopic,
  TEMPLATE_BODY,
} from './provisioning-support.ts'
import type { Device } from './support.ts'

const sub = (text: string) => ({ 'Fn::Sub': text })
const arnOf = (id: string, attribute = 'Arn') => ({ 'Fn::GetAtt': [id, attribute] })
const iotArn = (rest: string) => sub(`arn:\${AWS::Partition}:iot:\${AWS::Region}:\${AWS::AccountId}:${rest}`)
const THING = '${!iot:Connection.Thing.ThingName}'

const sources = {
  'allow-device': `
    export const handler = async (event: any) => {
      if (event.parameters.SerialNumber === 'sn-crash') throw new Error('no such table')
      if (!/^sn-\\d+$/.test(event.parameters.SerialNumber)) return { allowProvisioning: false }
      return { allowProvisioning: true, parameterOverrides: { Fleet: 'south' } }
    }`,
  'not-permitted': 'export const handler = async () => ({ allowProvisioning: true })',
}

const provisioningTemplate = (name: string, hook: string) => ({
  Type: 'AWS::IoT::ProvisioningTemplate',
  Properties: {
    TemplateName: name,
    TemplateType: 'FLEET_PROVISIONING',
    Enabled: true,
    ProvisioningRoleArn: arnOf('ProvisioningRole'),
    PreProvisioningHook: { TargetArn: arnOf(hook), PayloadVersion: '2020-04-01' },
    TemplateBody: JSON.stringify(TEMPLATE_BODY),
  },
})
const allow = (Action: unknown, Resource: unknown) => ({ Effect: 'Allow', Action, Resource })

const template = {
  Resources: {
    FleetTemplate: provisioningTemplate('fleet', 'HookFunction'),
    OtherTemplate: provisioningTemplate('other', 'OtherFunction'),
    HookPermission: permission('HookFunction', 'iot', arnOf('FleetTemplate', 'TemplateArn')),
    HookRole: functionRole('allow-device'),
    HookLogs: logGroup('allow-device'),
    HookFunction: lambdaFunction('allow-device', 'HookRole', { Timeout: 5 }),
    OtherRole: functionRole('not-permitted'),
    OtherLogs: logGroup('not-permitted'),
    OtherFunction: lambdaFunction('not-permitted', 'OtherRole'),
    ProvisioningRole: {
      Type: 'AWS::IAM::Role',
      Properties: {
        RoleName: 'provisioning-role',
        AssumeRolePolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Principal: { Service: 'iot.amazonaws.com' }, Action: 'sts:AssumeRole' },
          ],
        },
        Policies: [
          {
            PolicyName: 'provision',
            PolicyDocument: {
              Version: '2012-10-17',
              Statement: [
                allow(['iot:DescribeThing', 'iot:CreateThing', 'iot:UpdateThing'], iotArn('thing/*')),
                allow(
                  ['iot:DescribeCertificate', 'iot:UpdateCertificate', 'iot:AttachPolicy'],
                  iotArn('cert/*'),
                ),
                allow('iot:GetPolicy', iotArn('policy/device')),
                allow('iot:AttachThingPrincipal', '*'),
              ],
            },
          },
        ],
      },
    },
    DevicePolicy: {
      Type: 'AWS::IoT::Policy',
      Properties: {
        PolicyName: 'device',
        PolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            {
              ...allow('iot:Connect', iotArn(`client/${THING}`)),
              Condition: { Bool: { 'iot:Connection.Thing.IsAttached': 'true' } },
            },
            allow('iot:Publish', iotArn(`topic/up/${THING}`)),
          ],
        },
      },
    },
    ClaimPolicy: {
      Type: 'AWS::IoT::Policy',
      Properties: {
        PolicyName: 'claim',
        PolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            allow('iot:Connect', iotArn('client/claim-*')),
            allow('iot:Publish', [
              iotArn('topic/$aws/certificates/*'),
              iotArn('topic/$aws/provisioning-templates/*'),
            ]),
            allow('iot:Subscribe', [
              iotArn('topicfilter/$aws/certificates/*'),
              iotArn('topicfilter/$aws/provisioning-templates/*'),
            ]),
            allow('iot:Receive', [
              iotArn('topic/$aws/certificates/*'),
              iotArn('topic/$aws/provisioning-templates/*'),
            ]),
          ],
        },
      },
    },
  },
  Outputs: { Template: { Value: { Ref: 'FleetTemplate' } } },
}

let cloud: Cloud
let control: IoTClient
let cleanUp: () => void
beforeAll(async () => {
  const dir = mkdtempSync(join(tmpdir(), 'edgeloop-provisioning-'))
  const packaged = await packageService(sources, template)
  cleanUp = () => {
    packaged.remove()
    rmSync(dir, { recursive: true, force: true })
  }
  cloud = await startCloud({ template: packaged.folder, dir, port: 0, mqttPort: 0 })
  control = new IoTClient({
    endpoint: cloud.endpoint,
    region: cloud.realm.region,
    credentials: cloud.credentials,
    maxAttempts: 1,
  })
})
afterAll(async () => {
  control.destroy()
  await cloud.close()
  cleanUp()
})

const connect = ({ thingName, cert, key }: Device) =>
  mqtt.connectAsync({
    protocol: 'mqtts',
    host: cloud.mqtt.host,
    port: cloud.mqtt.port,
    ca: cloud.mqtt.caPem,
    cert,
    key,
    clientId: thingName,
    protocolVersion: 4,
    reconnectPeriod: 0,
  })

describe('fleet provisioning in the local cloud', () => {
  it('asks the function, does the work as the role, and lets the device in', async () => {
    expect(cloud.outputs['Template']).toBe('fleet')
    expect(cloud.notRun).toEqual([])
    const claim = await openClaim({ connect }, await claimCertificate(control, 'claim-1'))
    const made = await claim.create('sn-1')
    expect(await claim.register(made.token, { SerialNumber: 'sn-1', Hardware: 'pi4' })).toEqual({
      accepted: true,
      body: { deviceConfiguration: { fleet: 'south' }, thingName: 'sn-1' },
    })
    const { attributes } = await control.send(new DescribeThingCommand({ thingName: 'sn-1' }))
    expect(attributes).toEqual({ fleet: 'south', hardware: 'pi4' })
    const device = await connect(deviceOf('sn-1', made))
    await device.publishAsync('up/sn-1', '1', { qos: 1 })
    await device.endAsync()
    expect(cloud.denials).toEqual([])

    for (const [serial, message] of [
      ['stranger', /did not allow provisioning/],
      ['sn-crash', /hook failed/],
    ] as const) {
      const { token } = await claim.create(serial)
      expect(await claim.register(token, { SerialNumber: serial, Hardware: 'pi4' })).toMatchObject({
        accepted: false,
        body: { statusCode: 403, errorCode: 'AccessDenied', errorMessage: expect.stringMatching(message) },
      })
    }
    await claim.client.endAsync()
  })

  it('names the permission of the hook that is missing', async () => {
    const claim = await openClaim({ connect }, await claimCertificate(control, 'claim-2'))
    await claim.client.subscribeAsync(`${provisionTopic('other')}/+`)
    const { token } = await claim.create('sn-2')
    const request = {
      certificateOwnershipToken: token,
      parameters: { SerialNumber: 'sn-2', Hardware: 'pi4' },
    }
    expect(await claim.ask(provisionTopic('other'), request)).toMatchObject({
      accepted: false,
      body: {
        errorCode: 'AccessDenied',
        errorMessage: expect.stringMatching(
          /iot\.amazonaws\.com may not invoke function not-permitted for arn:aws:iot:.*:provisioningtemplate\/other: add an AWS::Lambda::Permission/,
        ),
      },
    })
    await claim.client.endAsync()
  })
})
