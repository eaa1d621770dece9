/** Devices that are being provisioned by claim: a claim certificate, keys of their own, requests and answers. */
import '../../../local/iot/ca/reflect.ts'
import { webcrypto } from 'node:crypto'
import { AttachPolicyCommand, CreateKeysAndCertificateCommand, type IoTClient } from '@aws-sdk/client-iot'
import * as x509 from '@peculiar/x509'
import type { MqttClient } from 'mqtt'
import type { LambdaHost } from '../../../local/core/services.ts'
import type { PolicyDocument } from '../../../local/core/types.ts'
import {
  ACCOUNT,
  allowEverything,
  arn,
  collect,
  type Device,
  eventually,
  type Lab,
  REGION,
  variable,
} from './support.ts'

export const TEMPLATE = 'fleet'
export const CREATE = '$aws/certificates/create-from-csr/json'
export const CREATE_KEYS = '$aws/certificates/create/json'
export const provisionTopic = (template = TEMPLATE) =>
  `$aws/provisioning-templates/${template}/provision/json`
export const HOOK = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:allow-device`
export const ROLE = 'provisioning-role'

/** A thing named by the serial, exclusive, with the fleet's policy. */
export const TEMPLATE_BODY = {
  Parameters: {
    SerialNumber: { Type: 'String' },
    Fleet: { Type: 'String', Default: 'north' },
    Hardware: { Type: 'String' },
  },
  Resources: {
    thing: {
      Type: 'AWS::IoT::Thing',
      Properties: {
        ThingName: { Ref: 'SerialNumber' },
        AttributePayload: { fleet: { Ref: 'Fleet' }, hardware: { Ref: 'Hardware' } },
      },
      OverrideSettings: { AttributePayload: 'REPLACE' },
    },
    certificate: {
      Type: 'AWS::IoT::Certificate',
      Properties: {
        CertificateId: { Ref: 'AWS::IoT::Certificate::Id' },
        Status: 'ACTIVE',
        ThingPrincipalType: 'EXCLUSIVE_THING',
      },
    },
    policy: { Type: 'AWS::IoT::Policy', Properties: { PolicyName: 'device' } },
  },
  DeviceConfiguration: { fleet: { Ref: 'Fleet' } },
}

/** Nothing but the three topics, and no client id that could be a device's. */
export const claimPolicy = (template = TEMPLATE): PolicyDocument => ({
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: 'iot:Connect', Resource: arn('client', 'claim-*') },
    {
      Effect: 'Allow',
      Action: 'iot:Publish',
      Resource: [CREATE, CREATE_KEYS, provisionTopic(template)].map(topic => arn('topic', topic)),
    },
    {
      Effect: 'Allow',
      Action: 'iot:Subscribe',
      Resource: [CREATE, CREATE_KEYS, provisionTopic(template)].map(topic =>
        arn('topicfilter', `${topic}/*`),
      ),
    },
    {
      Effect: 'Allow',
      Action: 'iot:Receive',
      Resource: [CREATE, CREATE_KEYS, provisionTopic(template)].map(topic => arn('topic', `${topic}/*`)),
    },
  ],
})

const THING = variable('iot:Connection.Thing.ThingName')

/** Policies `everything`, `claim` and `device`, and the template. */
export const prepare = (
  lab: Pick<Lab, 'iot'>,
  options: { readonly hook?: boolean; readonly body?: unknown; readonly enabled?: boolean } = {},
): void => {
  const { hook = false, body = TEMPLATE_BODY, enabled = true } = options
  allowEverything(lab.iot)
  lab.iot.createPolicy({ PolicyName: 'claim', PolicyDocument: claimPolicy() })
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
        { Effect: 'Allow', Action: 'iot:Publish', Resource: arn('topic', `up/${THING}`) },
      ],
    },
  })
  lab.iot.createProvisioningTemplate({
    TemplateName: TEMPLATE,
    TemplateBody: JSON.stringify(body),
    Enabled: enabled,
    ProvisioningRoleArn: `arn:aws:iam::${ACCOUNT}:role/${ROLE}`,
    TemplateType: 'FLEET_PROVISIONING',
    ...(hook ? { PreProvisioningHook: { TargetArn: HOOK, PayloadVersion: '2020-04-01' } } : {}),
  })
}

/** A certificate without a thing, as it is built into every device of a production run. */
export const claimCertificate = async (
  control: IoTClient,
  clientId: string,
  policyName = 'claim',
): Promise<Device> => {
  const made = await control.send(new CreateKeysAndCertificateCommand({ setAsActive: true }))
  await control.send(new AttachPolicyCommand({ policyName, target: made.certificateArn }))
  return {
    thingName: clientId,
    certificateId: made.certificateId ?? '',
    certificateArn: made.certificateArn ?? '',
    cert: made.certificatePem ?? '',
    key: made.keyPair?.PrivateKey ?? '',
  }
}

/** A key pair that never leaves the device, and its request. */
export const keyAndRequest = async (name: string): Promise<{ key: string; csr: string }> => {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  })
  const der = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { key: x509.PemConverter.encode(der, 'PRIVATE KEY'), csr: request.toString('pem') }
}

export type Body = Readonly<Record<string, unknown>>
export interface Claim {
  readonly client: MqttClient
  readonly messages: ReturnType<typeof collect>
  /** Publishes and waits for the next answer on `accepted` or `rejected`. */
  ask(topic: string, payload: Body | string): Promise<{ readonly accepted: boolean; readonly body: Body }>
  /** A certificate with its key, not registered yet. */
  create(name?: string): Promise<{ cert: string; key: string; certificateId: string; token: string }>
  register(token: unknown, parameters: Body): Promise<{ readonly accepted: boolean; readonly body: Body }>
}

/** Connects with a claim certificate and subscribes to the answers. */
export const openClaim = async (
  lab: { connect(device: Device): Promise<MqttClient> },
  device: Device,
): Promise<Claim> => {
  const client = await lab.connect(device)
  const messages = collect(client)
  for (const topic of [CREATE, CREATE_KEYS, provisionTopic()])
    await client.subscribeAsync([`${topic}/accepted`, `${topic}/rejected`], { qos: 1 })
  const ask: Claim['ask'] = async (topic, payload) => {
    const before = messages.length
    client.publish(topic, typeof payload === 'string' ? payload : JSON.stringify(payload), { qos: 1 })
    const answer = await eventually(`an answer on ${topic}`, () =>
      messages.slice(before).find(message => message.topic.startsWith(`${topic}/`)),
    )
    return {
      accepted: answer.topic.endsWith('/accepted'),
      body: JSON.parse(answer.payload.toString()) as Body,
    }
  }
  return {
    client,
    messages,
    ask,
    create: async (name = 'device') => {
      const { key, csr } = await keyAndRequest(name)
      const { accepted, body } = await ask(CREATE, { certificateSigningRequest: csr })
      if (!accepted) throw new Error(JSON.stringify(body))
      return {
        key,
        cert: String(body['certificatePem']),
        certificateId: String(body['certificateId']),
        token: String(body['certificateOwnershipToken']),
      }
    },
    register: (token, parameters) => ask(provisionTopic(), { certificateOwnershipToken: token, parameters }),
  }
}

/** A hook that answers with a value. */
export const answering =
  (decide: (event: Body) => unknown): LambdaHost['invoke'] =>
  async (_arn, payload) => ({
    payload: Buffer.from(JSON.stringify(decide(JSON.parse(payload.toString()) as Body)) ?? 'null'),
  })

export const deviceOf = (
  thingName: string,
  made: { cert: string; key: string; certificateId: string },
): Device => ({
  thingName,
  ...made,
  certificateArn: arn('cert', made.certificateId),
})
