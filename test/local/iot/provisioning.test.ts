import {
  DescribeCertificateCommand,
  DescribeThingCommand,
  ListAttachedPoliciesCommand,
  ListThingPrincipalsCommand,
  ListThingsCommand,
  UpdateCertificateCommand,
} from '@aws-sdk/client-iot'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  type Claim,
  CREATE,
  CREATE_KEYS,
  claimCertificate,
  deviceOf,
  openClaim,
  prepare,
  provisionTopic,
  TEMPLATE_BODY,
} from './provisioning-support.ts'
import { type Device, eventually, type Lab, openLab } from './support.ts'

let lab: Lab
let claimed: Device
let claim: Claim
let now: number
beforeAll(async () => {
  lab = await openLab({ now: () => new Date(now) })
  now = Date.now()
  prepare(lab)
  claimed = await claimCertificate(lab.control, 'claim-1')
  claim = await openClaim(lab, claimed)
})
beforeEach(() => prepare(lab))
afterEach(() => {
  now = Date.now()
})
afterAll(() => lab.close())

const statusOf = async (certificateId: string) =>
  (await lab.control.send(new DescribeCertificateCommand({ certificateId }))).certificateDescription?.status
const principalsOf = async (thingName: string) =>
  (await lab.control.send(new ListThingPrincipalsCommand({ thingName }))).principals
const thingNames = async () =>
  (await lab.control.send(new ListThingsCommand({}))).things?.map(({ thingName }) => thingName)
const invalidToken = { statusCode: 400, errorCode: 'InvalidCertificateOwnershipToken' }

describe('a device with a claim certificate', () => {
  it('gets its own certificate for its own key, and becomes a thing', async () => {
    const made = await claim.create('sn-1')
    expect(made.token).toMatch(/^[\w-]{20,512}$/)
    expect(made.certificateId).toMatch(/^[0-9a-f]{64}$/)
    expect(await statusOf(made.certificateId)).toBe('PENDING_ACTIVATION')
    const device = deviceOf('sn-1', made)
    await expect(lab.connect(device)).rejects.toThrow(/Not authorized/)

    lab.authorized.length = 0
    const answer = await claim.register(made.token, { SerialNumber: 'sn-1', Hardware: 'pi4' })
    expect(answer).toEqual({
      accepted: true,
      body: { deviceConfiguration: { fleet: 'north' }, thingName: 'sn-1' },
    })
    expect(lab.authorized.map(({ action }) => action)).toEqual([
      'iot:DescribeCertificate',
      'iot:DescribeThing',
      'iot:GetPolicy',
      'iot:CreateThing',
      'iot:AttachPolicy',
      'iot:AttachThingPrincipal',
      'iot:UpdateCertificate',
    ])
    expect(await statusOf(made.certificateId)).toBe('ACTIVE')
    expect(await lab.control.send(new DescribeThingCommand({ thingName: 'sn-1' }))).toMatchObject({
      attributes: { fleet: 'north', hardware: 'pi4' },
    })
    expect(await principalsOf('sn-1')).toEqual([device.certificateArn])
    const { policies } = await lab.control.send(
      new ListAttachedPoliciesCommand({ target: device.certificateArn }),
    )
    expect(policies?.map(({ policyName }) => policyName)).toEqual(['device'])

    const client = await lab.connect(device)
    await client.publishAsync('up/sn-1', '1', { qos: 1 })
    await client.endAsync()
  })

  it('can have the key made by AWS IoT', async () => {
    const { body } = await claim.ask(CREATE_KEYS, '')
    expect(Object.keys(body).toSorted()).toEqual([
      'certificateId',
      'certificateOwnershipToken',
      'certificatePem',
      'privateKey',
    ])
    const made = {
      cert: String(body['certificatePem']),
      key: String(body['privateKey']),
      certificateId: String(body['certificateId']),
    }
    const parameters = { SerialNumber: 'sn-keys', Hardware: 'pi4', Fleet: 'south' }
    expect(await claim.register(body['certificateOwnershipToken'], parameters)).toMatchObject({
      accepted: true,
      body: { deviceConfiguration: { fleet: 'south' } },
    })
    await (await lab.connect(deviceOf('sn-keys', made))).endAsync()
  })
})

describe('an ownership token', () => {
  const parameters = { SerialNumber: 'sn-token', Hardware: 'pi4' }

  it('is worth one registration', async () => {
    const { token, certificateId } = await claim.create()
    expect(await claim.register(token, parameters)).toMatchObject({ accepted: true })
    const replay = await claim.register(token, { ...parameters, SerialNumber: 'sn-replay' })
    expect(replay).toMatchObject({ accepted: false, body: invalidToken })
    expect(await thingNames()).not.toContain('sn-replay')
    expect(await statusOf(certificateId)).toBe('ACTIVE')
  })

  it('is worth one registration when the same request comes twice at once', async () => {
    const { token, certificateId } = await claim.create()
    const before = claim.messages.length
    const payload = JSON.stringify({
      certificateOwnershipToken: token,
      parameters: { ...parameters, SerialNumber: 'sn-twice' },
    })
    claim.client.publish(provisionTopic(), payload, { qos: 1 })
    claim.client.publish(provisionTopic(), payload, { qos: 1 })
    const answers = await eventually('both answers', () => {
      const got = claim.messages.slice(before)
      return got.length === 2 && got
    })
    expect(answers.map(({ topic }) => topic.split('/').at(-1)).toSorted()).toEqual(['accepted', 'rejected'])
    expect((await principalsOf('sn-twice'))?.map(arn => arn.split('/').at(-1))).toEqual([certificateId])
  })

  it('can be used again after a failure', async () => {
    const { token } = await claim.create()
    expect(await claim.register(token, { SerialNumber: 'sn-again' })).toMatchObject({ accepted: false })
    expect(await claim.register(token, { SerialNumber: 'sn-again', Hardware: 'pi4' })).toMatchObject({
      accepted: true,
    })
  })

  it('serves the claim certificate that it was issued to, and no other', async () => {
    const { token } = await claim.create()
    const other = await openClaim(lab, await claimCertificate(lab.control, 'claim-other'))
    expect(await other.register(token, parameters)).toMatchObject({ accepted: false, body: invalidToken })
    await other.client.endAsync()
    expect(await claim.register(token, parameters)).toMatchObject({ accepted: true })
  })

  it('stands for its own certificate, whatever the parameters say', async () => {
    const victim = await claim.create('victim')
    const mine = await claim.create('mine')
    const answer = await claim.register(mine.token, {
      SerialNumber: 'sn-mine',
      Hardware: 'pi4',
      'AWS::IoT::Certificate::Id': victim.certificateId,
    })
    expect(answer).toMatchObject({ accepted: true })
    expect(await statusOf(victim.certificateId)).toBe('PENDING_ACTIVATION')
    expect((await principalsOf('sn-mine'))?.map(arn => arn.split('/').at(-1))).toEqual([mine.certificateId])
  })

  it('expires after an hour, and the certificate goes with it', async () => {
    const late = await claim.create('late')
    const known = await claim.create('known')
    await claim.register(known.token, { SerialNumber: 'sn-known', Hardware: 'pi4' })
    now += 3_600_000
    expect(await claim.register(late.token, parameters)).toMatchObject({
      accepted: false,
      body: invalidToken,
    })
    await expect(statusOf(late.certificateId)).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
    expect(await statusOf(known.certificateId)).toBe('ACTIVE')
  })

  it('does not bring a revoked certificate back', async () => {
    const { token, certificateId } = await claim.create()
    await lab.control.send(new UpdateCertificateCommand({ certificateId, newStatus: 'REVOKED' }))
    expect(await claim.register(token, parameters)).toMatchObject({
      accepted: false,
      body: { ...invalidToken, errorMessage: expect.stringContaining('REVOKED') },
    })
    expect(await statusOf(certificateId)).toBe('REVOKED')
  })

  it.each([
    ['missing', undefined, /cannot be empty/],
    ['empty', '', /cannot be empty/],
    ['made up', 'x'.repeat(64), /unknown, used, expired/],
    ['not a string', 7, /must be a string/],
  ])('that is %s is refused', async (_what, token, message) => {
    expect(await claim.register(token, parameters)).toMatchObject({
      accepted: false,
      body: { ...invalidToken, errorMessage: expect.stringMatching(message) },
    })
  })

  it('outlives a restart', async () => {
    const { token } = await claim.create()
    await lab.iot.close()
    const again = await openLab({ dir: lab.dir })
    try {
      const reopened = await openClaim(again, claimed)
      expect(await reopened.register(token, { SerialNumber: 'sn-restart', Hardware: 'pi4' })).toMatchObject({
        accepted: true,
        body: { thingName: 'sn-restart' },
      })
    } finally {
      await again.close()
    }
    await lab.close()
    lab = await openLab({ now: () => new Date(now) })
    prepare(lab)
    claim = await openClaim(lab, await claimCertificate(lab.control, 'claim-1'))
  })
})

describe('a request is refused', () => {
  it.each([
    ['that is not JSON', '{', 400, 'InvalidPayload', /not JSON/],
    ['that is not an object', '[]', 400, 'InvalidPayload', /JSON object/],
    ['without a CSR', '{}', 400, 'InvalidPayload', /certificateSigningRequest/],
    ['with a bad CSR', '{"certificateSigningRequest":"x"}', 400, 'InvalidRequest', /PKCS #10/],
  ])('%s', async (_what, payload, statusCode, errorCode, message) => {
    const { accepted, body } = await claim.ask(CREATE, payload)
    expect(accepted).toBe(false)
    expect(body).toEqual({ statusCode, errorCode, errorMessage: expect.stringMatching(message) })
  })

  it.each([
    ['without a parameter', { SerialNumber: 'sn-x' }, /parameter Hardware is missing/],
    ['with a parameter that is no string', { SerialNumber: 7, Hardware: 'pi4' }, /map of strings/],
  ])('%s', async (_what, parameters, message) => {
    const { token, certificateId } = await claim.create()
    expect(await claim.register(token, parameters)).toEqual({
      accepted: false,
      body: { statusCode: 400, errorCode: 'InvalidParameters', errorMessage: expect.stringMatching(message) },
    })
    expect(await statusOf(certificateId)).toBe('PENDING_ACTIVATION')
    expect(await thingNames()).not.toContain('sn-x')
  })

  it('with a serial that cannot be the name of a thing', async () => {
    const { token } = await claim.create()
    expect(await claim.register(token, { SerialNumber: '../a/#', Hardware: 'pi4' })).toMatchObject({
      accepted: false,
      body: {
        statusCode: 400,
        errorCode: 'InvalidRequest',
        errorMessage: expect.stringMatching(/thingName/),
      },
    })
  })

  it('for a template that is disabled', async () => {
    const { token } = await claim.create()
    prepare(lab, { enabled: false })
    expect(await claim.register(token, { SerialNumber: 'sn-x', Hardware: 'pi4' })).toMatchObject({
      accepted: false,
      body: {
        statusCode: 403,
        errorCode: 'AccessDenied',
        errorMessage: expect.stringMatching(/not enabled/),
      },
    })
  })

  it('for a template that does not exist', async () => {
    const everywhere = await claimCertificate(lab.control, 'anyone', 'everything')
    const any = await openClaim(lab, everywhere)
    await any.client.subscribeAsync(`${provisionTopic('nothing')}/+`)
    expect(await any.ask(provisionTopic('nothing'), { certificateOwnershipToken: 'x' })).toMatchObject({
      accepted: false,
      body: {
        statusCode: 404,
        errorCode: 'ResourceNotFound',
        errorMessage: expect.stringMatching(/nothing/),
      },
    })
    await any.client.endAsync()
  })

  it('for a policy of the template that does not exist', async () => {
    const policy = { Type: 'AWS::IoT::Policy', Properties: { PolicyName: 'gone' } }
    prepare(lab, { body: { ...TEMPLATE_BODY, Resources: { ...TEMPLATE_BODY.Resources, policy } } })
    const { token } = await claim.create()
    expect(await claim.register(token, { SerialNumber: 'sn-x', Hardware: 'pi4' })).toMatchObject({
      accepted: false,
      body: { statusCode: 404, errorMessage: expect.stringMatching(/Policy gone/) },
    })
    expect(await thingNames()).not.toContain('sn-x')
  })

  it('in CBOR, in CBOR', async () => {
    const any = await lab.connect(await claimCertificate(lab.control, 'cbor', 'everything'))
    const answer = new Promise<Buffer>(resolve => any.once('message', (_topic, payload) => resolve(payload)))
    await any.subscribeAsync('$aws/certificates/create/cbor/rejected')
    any.publish('$aws/certificates/create/cbor', Buffer.from([0xa0]))
    const bytes = await answer
    // Map of three; "statusCode": 501 (RFC 8949).
    expect(bytes.subarray(0, 15).toString('hex')).toBe(
      `a36a${Buffer.from('statusCode').toString('hex')}1901f5`,
    )
    expect(bytes.toString('latin1')).toMatch(/errorCode.NotImplemented.*errorMessage.+use the json topics/)
    await any.endAsync()
  })
})

describe('a thing that exists', () => {
  const withOverride = (setting: string) => {
    const thing = { ...TEMPLATE_BODY.Resources.thing, OverrideSettings: { AttributePayload: setting } }
    prepare(lab, { body: { ...TEMPLATE_BODY, Resources: { ...TEMPLATE_BODY.Resources, thing } } })
  }
  const attributes = async (thingName: string) =>
    (await lab.control.send(new DescribeThingCommand({ thingName }))).attributes

  it.each([
    ['DO_NOTHING', { fleet: 'north', hardware: 'old', extra: '1' }],
    ['REPLACE', { fleet: 'north', hardware: 'new' }],
    ['MERGE', { fleet: 'north', hardware: 'new', extra: '1' }],
  ])('is treated by OverrideSettings %s, and gets a second certificate', async (setting, expected) => {
    const thingName = `sn-${setting}`
    await lab.provision(thingName, { attributes: { fleet: 'north', hardware: 'old', extra: '1' } })
    withOverride(setting)
    const { token } = await claim.create()
    expect(await claim.register(token, { SerialNumber: thingName, Hardware: 'new' })).toMatchObject({
      accepted: true,
    })
    expect(await attributes(thingName)).toEqual(expected)
    expect(await principalsOf(thingName)).toHaveLength(2)
  })

  it('stops the registration when OverrideSettings say FAIL', async () => {
    await lab.provision('sn-FAIL', { attributes: { hardware: 'old' } })
    withOverride('FAIL')
    const { token, certificateId } = await claim.create()
    expect(await claim.register(token, { SerialNumber: 'sn-FAIL', Hardware: 'new' })).toMatchObject({
      accepted: false,
      body: { statusCode: 409, errorCode: 'ResourceConflicts' },
    })
    expect(await statusOf(certificateId)).toBe('PENDING_ACTIVATION')
  })
})

describe('a policy document in the template', () => {
  it('becomes a policy named by its digest, once', async () => {
    const Statement = { Effect: 'Allow', Action: 'iot:Connect', Resource: '*' }
    const policy = {
      Type: 'AWS::IoT::Policy',
      Properties: { PolicyDocument: { Version: '2012-10-17', Statement: [Statement] } },
    }
    prepare(lab, { body: { ...TEMPLATE_BODY, Resources: { ...TEMPLATE_BODY.Resources, policy } } })
    for (const serial of ['sn-doc-1', 'sn-doc-2']) {
      const { token, certificateId } = await claim.create()
      expect(await claim.register(token, { SerialNumber: serial, Hardware: 'pi4' })).toMatchObject({
        accepted: true,
      })
      const target = deviceOf(serial, { cert: '', key: '', certificateId }).certificateArn
      const { policies } = await lab.control.send(new ListAttachedPoliciesCommand({ target }))
      expect(policies).toHaveLength(1)
      expect(policies?.[0]?.policyName).toMatch(/^[0-9a-f]{64}$/)
    }
  })
})
