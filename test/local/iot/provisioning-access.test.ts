import { ListCertificatesCommand, ListThingsCommand } from '@aws-sdk/client-iot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Iam } from '../../../local/core/services.ts'
import type { PolicyDocument } from '../../../local/core/types.ts'
import { createIam } from '../../../local/iam/index.ts'
import {
  type Claim,
  CREATE,
  claimCertificate,
  deviceOf,
  keyAndRequest,
  openClaim,
  prepare,
  provisionTopic,
  ROLE,
} from './provisioning-support.ts'
import {
  ACCOUNT,
  allow,
  arn,
  closed,
  collect,
  type Device,
  eventually,
  type Lab,
  openLab,
} from './support.ts'

let lab: Lab
let iam: Iam
let claimed: Device
let claim: Claim
beforeAll(async () => {
  lab = await openLab({
    iam: realm => {
      iam = createIam(realm)
      return iam
    },
  })
  prepare(lab)
  claimed = await claimCertificate(lab.control, 'claim-1')
  claim = await openClaim(lab, claimed)
})
afterAll(() => lab.close())

const TRUST_IOT: PolicyDocument = {
  Statement: { Effect: 'Allow', Principal: { Service: 'iot.amazonaws.com' }, Action: 'sts:AssumeRole' },
}
/** The least that the template of these tests needs. */
const GRANTS: readonly (readonly [action: string, resource: string])[] = [
  ['iot:DescribeCertificate', arn('cert', '*')],
  ['iot:UpdateCertificate', arn('cert', '*')],
  ['iot:DescribeThing', arn('thing', '*')],
  ['iot:CreateThing', arn('thing', '*')],
  ['iot:GetPolicy', arn('policy', 'device')],
  ['iot:AttachPolicy', arn('cert', '*')],
  ['iot:AttachThingPrincipal', '*'],
]
const grant = (without?: string, trust = TRUST_IOT) =>
  iam.addRole({
    name: ROLE,
    arn: `arn:aws:iam::${ACCOUNT}:role/${ROLE}`,
    trust,
    policies: GRANTS.filter(([action]) => action !== without).map(([action, resource]) => ({
      name: action.slice(4),
      document: allow(action, resource),
    })),
  })
const thingNames = async () =>
  (await lab.control.send(new ListThingsCommand({}))).things?.map(({ thingName }) => thingName)

describe('the provisioning role', () => {
  it('needs each of its permissions, and the refusal names role, action and resource', async () => {
    const { token, certificateId } = await claim.create()
    const parameters = { SerialNumber: 'sn-1', Hardware: 'pi4' }
    const resources: Readonly<Record<string, string>> = {
      'iot:DescribeCertificate': arn('cert', certificateId),
      'iot:UpdateCertificate': arn('cert', certificateId),
      'iot:DescribeThing': arn('thing', 'sn-1'),
      'iot:CreateThing': arn('thing', 'sn-1'),
      'iot:GetPolicy': arn('policy', 'device'),
      'iot:AttachPolicy': arn('cert', certificateId),
      'iot:AttachThingPrincipal': '*',
    }
    for (const [action] of GRANTS) {
      grant(action)
      const who = `User: arn:aws:sts::${ACCOUNT}:assumed-role/${ROLE}/fleet`
      expect(await claim.register(token, parameters)).toEqual({
        accepted: false,
        body: {
          statusCode: 403,
          errorCode: 'AccessDenied',
          errorMessage: `${who} is not authorized to perform: ${action} on resource: ${resources[action]} because no identity-based policy allows the ${action} action`,
        },
      })
      expect(iam.denials.at(-1)).toMatchObject({ action, resource: resources[action] })
      expect(await thingNames()).toEqual([])
    }
    grant()
    expect(await claim.register(token, parameters)).toMatchObject({ accepted: true })
    const needless = iam.statementUse().filter(({ decisive }) => decisive === 0)
    expect(needless).toEqual([])
  })

  it('must trust AWS IoT', async () => {
    grant(undefined, {
      Statement: {
        Effect: 'Allow',
        Principal: { Service: 'lambda.amazonaws.com' },
        Action: 'sts:AssumeRole',
      },
    })
    const { token } = await claim.create()
    expect(await claim.register(token, { SerialNumber: 'sn-2', Hardware: 'pi4' })).toMatchObject({
      accepted: false,
      body: {
        errorCode: 'AccessDenied',
        errorMessage: expect.stringMatching(
          /iot\.amazonaws\.com is not authorized to perform: sts:AssumeRole/,
        ),
      },
    })
    grant()
  })
})

describe('a claim certificate', () => {
  it.each([
    'up/sn-1',
    'up/claim-1',
    `${CREATE}/accepted`,
    '$aws/certificates/create/cbor',
    '$aws/provisioning-templates/other/provision/json',
    '$aws/things/sn-1/shadow/update',
  ])('cannot publish to %s', async topic => {
    const client = await lab.connect(claimed, { clientId: 'claim-2' })
    const gone = closed(client)
    client.publish(topic, '{}', { qos: 1 })
    await gone
  })

  it.each(['#', '$aws/#', '$aws/certificates/#', `${CREATE}`, provisionTopic(), 'up/sn-1', '$aws/events/#'])(
    'cannot subscribe to %s',
    async filter => {
      const client = await lab.connect(claimed, { clientId: 'claim-3' })
      await expect(client.subscribeAsync(filter)).rejects.toThrow(/Unspecified error|128/)
      await client.endAsync()
    },
  )

  it('gets no certificate for a last will', async () => {
    const { csr } = await keyAndRequest('dead')
    const payload = Buffer.from(JSON.stringify({ certificateSigningRequest: csr }))
    const client = await lab.connect(claimed, {
      clientId: 'claim-dead',
      will: { topic: CREATE, payload, qos: 1, retain: false },
    })
    const before = lab.logs.length
    const certificates = async () =>
      (await lab.control.send(new ListCertificatesCommand({}))).certificates?.length
    const count = await certificates()
    const presence = await lab.connect(await lab.provision('presence'))
    const seen = collect(presence)
    await presence.subscribeAsync('$aws/events/presence/disconnected/claim-dead')
    client.stream.destroy()
    await eventually('the end of the connection', () => seen.length === 1)
    // A request that is answered now comes after the will, if that one was a request.
    await claim.create()
    expect(await certificates()).toBe((count ?? 0) + 2)
    expect(lab.logs.slice(before).filter(({ message }) => message.includes('FromCsr'))).toHaveLength(1)
    await presence.endAsync()
  })

  it('cannot connect as a device and push it off', async () => {
    await expect(lab.connect(claimed, { clientId: 'sn-1' })).rejects.toThrow(/Not authorized/)
  })
})

describe('answers', () => {
  it('reach the connection that asked and nobody else', async () => {
    const peer = await openClaim(lab, await claimCertificate(lab.control, 'claim-peer'))
    const twin = await lab.connect(claimed, { clientId: 'claim-twin' })
    const seenByTwin = collect(twin)
    await twin.subscribeAsync([`${CREATE}/accepted`, `${provisionTopic()}/accepted`], { qos: 1 })
    const spy = await lab.connect(await lab.provision('spy'))
    const seenBySpy = collect(spy)
    await spy.subscribeAsync(['$aws/#', '$aws/certificates/#', CREATE, provisionTopic(), '#'], { qos: 1 })
    const other = await lab.connect(await lab.provision('spy-2'), { clean: false })
    await other.subscribeAsync(['$aws/certificates/+/json/#', `${provisionTopic()}/#`], { qos: 1 })
    await other.endAsync()

    const { token } = await claim.create()
    expect(await claim.register(token, { SerialNumber: 'sn-3', Hardware: 'pi4' })).toMatchObject({
      accepted: true,
    })
    // Whatever they were to get would come before these.
    await peer.create()
    await spy.publishAsync('end', '', { qos: 1 })
    await eventually('the end', () => seenBySpy.some(({ topic }) => topic === 'end'))
    expect(peer.messages).toHaveLength(1)
    expect(seenByTwin).toEqual([])
    const leaked = seenBySpy.filter(
      ({ topic }) => topic.startsWith('$aws/certificates') || topic.includes('/provision/'),
    )
    expect(leaked).toEqual([])

    const back = await lab.connect(await deviceAgain('spy-2'), { clean: false })
    const stored = collect(back)
    await back.subscribeAsync('end-2', { qos: 1 })
    await back.publishAsync('end-2', '', { qos: 1 })
    await eventually('the second end', () => stored.some(({ topic }) => topic === 'end-2'))
    expect(stored.map(({ topic }) => topic)).toEqual(['end-2'])
    await Promise.all([peer.client, twin, spy, back].map(client => client.endAsync()))
  })

  it('cannot be forged by one who may publish anything', async () => {
    const forger = await lab.connect(await lab.provision('forger'))
    const before = claim.messages.length
    await forger.publishAsync(`${CREATE}/accepted`, '{"certificatePem":"mine"}', { qos: 1 })
    await forger.publishAsync(`${provisionTopic()}/accepted`, '{"thingName":"mine"}', { qos: 1 })
    await claim.create()
    expect(
      claim.messages.slice(before).map(({ topic, payload }) => [topic, payload.includes('mine')]),
    ).toEqual([[`${CREATE}/accepted`, false]])
    expect(lab.logs.filter(({ message }) => message.includes('takes no requests'))).toHaveLength(2)
    await forger.endAsync()
  })

  it('need a subscription', async () => {
    const client = await lab.connect(claimed, { clientId: 'claim-deaf' })
    const heard = collect(client)
    const { csr } = await keyAndRequest('deaf')
    const before = lab.logs.length
    await client.publishAsync(CREATE, JSON.stringify({ certificateSigningRequest: csr }), { qos: 1 })
    await eventually('the request', () =>
      lab.logs.slice(before).some(({ message }) => message === 'CreateCertificateFromCsr accepted'),
    )
    await client.subscribeAsync(`${CREATE}/accepted`)
    expect(heard).toEqual([])
    await client.endAsync()
  })
})

/** The same client id with a certificate of the same thing. */
const deviceAgain = (thingName: string) => lab.provision(thingName, { existing: true })

describe('a device that was provisioned', () => {
  it('cannot use the provisioning topics', async () => {
    const made = await claim.create()
    await claim.register(made.token, { SerialNumber: 'sn-4', Hardware: 'pi4' })
    const client = await lab.connect(deviceOf('sn-4', made))
    const gone = closed(client)
    client.publish(CREATE, '{}', { qos: 1 })
    await gone
  })
})
