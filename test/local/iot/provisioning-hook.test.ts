import {
  DescribeCertificateCommand,
  DescribeThingCommand,
  ListThingPrincipalsCommand,
  ListThingsCommand,
  UpdateCertificateCommand,
} from '@aws-sdk/client-iot'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  answering,
  type Body,
  type Claim,
  claimCertificate,
  HOOK,
  openClaim,
  prepare,
  provisionTopic,
  TEMPLATE,
} from './provisioning-support.ts'
import { arn, type Device, eventually, type Lab, openLab } from './support.ts'

let lab: Lab
let claimed: Device
let claim: Claim
beforeAll(async () => {
  lab = await openLab()
  prepare(lab, { hook: true })
  claimed = await claimCertificate(lab.control, 'claim-1')
  claim = await openClaim(lab, claimed)
})
beforeEach(() => lab.functions.clear())
afterAll(() => lab.close())

const hook = (decide: (event: Body) => unknown) => lab.functions.set(HOOK, answering(decide))
const statusOf = async (certificateId: string) =>
  (await lab.control.send(new DescribeCertificateCommand({ certificateId }))).certificateDescription?.status
const thingNames = async () =>
  (await lab.control.send(new ListThingsCommand({}))).things?.map(({ thingName }) => thingName)

describe('the pre-provisioning hook', () => {
  it('gets the event that AWS documents, as AWS IoT for the template', async () => {
    const calls: unknown[] = []
    lab.functions.set(HOOK, async (functionArn, payload, source) => {
      calls.push({ functionArn, event: JSON.parse(payload.toString()), source })
      return { payload: Buffer.from('{"allowProvisioning":true}') }
    })
    const { token, certificateId, cert } = await claim.create()
    const parameters = { SerialNumber: 'sn-1', Hardware: 'pi4', Batch: 'not in the template' }
    expect(await claim.register(token, parameters)).toMatchObject({ accepted: true })
    expect(calls).toEqual([
      {
        functionArn: HOOK,
        event: {
          claimCertificateId: claimed.certificateId,
          certificateId,
          certificatePem: cert,
          templateArn: arn('provisioningtemplate', TEMPLATE),
          clientId: 'claim-1',
          parameters,
        },
        source: { service: 'iot.amazonaws.com', sourceArn: arn('provisioningtemplate', TEMPLATE) },
      },
    ])
  })

  it('overrides parameters and gives those that the device left out, but not the certificate', async () => {
    const other = await claim.create('other')
    hook(() => ({
      allowProvisioning: true,
      parameterOverrides: {
        Fleet: 'south',
        Hardware: 'jetson',
        'AWS::IoT::Certificate::Id': other.certificateId,
      },
    }))
    const { token, certificateId } = await claim.create()
    const answer = await claim.register(token, { SerialNumber: 'sn-2', Fleet: 'mine' })
    expect(answer).toMatchObject({ accepted: true, body: { deviceConfiguration: { fleet: 'south' } } })
    const { attributes } = await lab.control.send(new DescribeThingCommand({ thingName: 'sn-2' }))
    expect(attributes).toEqual({ fleet: 'south', hardware: 'jetson' })
    expect(await statusOf(certificateId)).toBe('ACTIVE')
    expect(await statusOf(other.certificateId)).toBe('PENDING_ACTIVATION')
  })

  it.each<[string, () => void, RegExp]>([
    ['refuses', () => hook(() => ({ allowProvisioning: false })), /did not allow/],
    ['says neither yes nor no', () => hook(() => ({})), /did not allow/],
    ['says "true" as a string', () => hook(() => ({ allowProvisioning: 'true' })), /did not allow/],
    ['answers null', () => hook(() => null), /did not allow/],
    [
      'answers overrides that are not strings',
      () => hook(() => ({ allowProvisioning: true, parameterOverrides: { Fleet: 7 } })),
      /map of strings/,
    ],
    [
      'throws',
      () =>
        lab.functions.set(HOOK, async () => ({
          payload: Buffer.from('{"errorMessage":"secret","allowProvisioning":true}'),
          functionError: 'Unhandled',
        })),
      /hook failed/,
    ],
    [
      'cannot be run',
      () =>
        lab.functions.set(HOOK, async () => {
          throw new Error('secret')
        }),
      /hook failed/,
    ],
    ['does not exist', () => undefined, /Function not found/],
  ])('that %s lets nothing through', async (_what, set, message) => {
    set()
    const { token, certificateId } = await claim.create()
    const parameters = { SerialNumber: 'sn-refused', Hardware: 'pi4' }
    const { accepted, body } = await claim.register(token, parameters)
    expect(accepted).toBe(false)
    expect(body).toEqual({
      statusCode: 403,
      errorCode: 'AccessDenied',
      errorMessage: expect.stringMatching(message),
    })
    expect(JSON.stringify(body)).not.toContain('secret')
    expect(await statusOf(certificateId)).toBe('PENDING_ACTIVATION')
    expect(await thingNames()).not.toContain('sn-refused')
  })

  it('that does not allow AWS IoT to invoke it is named', async () => {
    hook(() => ({ allowProvisioning: true }))
    lab.broken.add(HOOK)
    const { token } = await claim.create()
    expect(await claim.register(token, { SerialNumber: 'sn-3', Hardware: 'pi4' })).toMatchObject({
      accepted: false,
      body: { statusCode: 403, errorCode: 'AccessDenied', errorMessage: expect.stringContaining(HOOK) },
    })
    lab.broken.clear()
  })

  it('decides about a second device with the serial of the first', async () => {
    const seen = new Set<unknown>()
    hook(({ parameters }) => {
      const serial = (parameters as Body)['SerialNumber']
      const isNew = !seen.has(serial)
      seen.add(serial)
      return { allowProvisioning: isNew }
    })
    const parameters = { SerialNumber: 'sn-twin', Hardware: 'pi4' }
    const first = await claim.create('first')
    const second = await claim.create('second')
    expect(await claim.register(first.token, parameters)).toMatchObject({ accepted: true })
    expect(await claim.register(second.token, parameters)).toMatchObject({
      accepted: false,
      body: { errorCode: 'AccessDenied' },
    })
    const { principals } = await lab.control.send(new ListThingPrincipalsCommand({ thingName: 'sn-twin' }))
    expect(principals).toEqual([arn('cert', first.certificateId)])
    // Without its refusal the second one gets the same thing: that is what the hook is for.
    hook(() => ({ allowProvisioning: true }))
    expect(await claim.register(second.token, parameters)).toMatchObject({ accepted: true })
    const now = await lab.control.send(new ListThingPrincipalsCommand({ thingName: 'sn-twin' }))
    expect(now.principals).toHaveLength(2)
  })

  it('is asked once when the same request comes again while it thinks', async () => {
    let asked = 0
    let allow: (() => void) | undefined
    lab.functions.set(HOOK, () => {
      asked++
      return new Promise(resolve => {
        allow = () => resolve({ payload: Buffer.from('{"allowProvisioning":true}') })
      })
    })
    const { token } = await claim.create()
    const before = claim.messages.length
    const answers = () => claim.messages.slice(before).map(({ topic }) => topic.split('/').at(-1))
    const parameters = { SerialNumber: 'sn-again', Hardware: 'pi4' }
    const request = JSON.stringify({ certificateOwnershipToken: token, parameters })
    claim.client.publish(provisionTopic(), request, { qos: 1 })
    claim.client.publish(provisionTopic(), request, { qos: 1 })
    await eventually('the refusal of the second', () => answers().length === 1)
    expect(answers()).toEqual(['rejected'])
    allow?.()
    await eventually('the answer to the first', () => answers().length === 2)
    expect(answers()).toEqual(['rejected', 'accepted'])
    expect(asked).toBe(1)
  })

  it('is not the last word when the claim certificate is revoked meanwhile', async () => {
    const thief = await claimCertificate(lab.control, 'claim-thief')
    const stolen = await openClaim(lab, thief)
    let allow: (() => void) | undefined
    lab.functions.set(
      HOOK,
      () =>
        new Promise(resolve => {
          allow = () => resolve({ payload: Buffer.from('{"allowProvisioning":true}') })
        }),
    )
    const { token, certificateId } = await stolen.create()
    const request = {
      certificateOwnershipToken: token,
      parameters: { SerialNumber: 'sn-thief', Hardware: 'x' },
    }
    stolen.client.publish(`$aws/provisioning-templates/${TEMPLATE}/provision/json`, JSON.stringify(request))
    const answer = await eventually('the hook', () => allow)
    await lab.control.send(
      new UpdateCertificateCommand({ certificateId: thief.certificateId, newStatus: 'REVOKED' }),
    )
    answer()
    await eventually('the refusal', () =>
      lab.logs.find(entry => String(entry['errorMessage']).includes('the claim certificate is not active')),
    )
    expect(await statusOf(certificateId)).toBe('PENDING_ACTIVATION')
    expect(await thingNames()).not.toContain('sn-thief')
  })
})

describe('a hook that does not answer in time', () => {
  it('lets nothing through', async () => {
    const hasty = await openLab({ hookTimeoutMs: 50 })
    try {
      prepare(hasty, { hook: true })
      hasty.functions.set(HOOK, () => new Promise(() => {}))
      const asking = await openClaim(hasty, await claimCertificate(hasty.control, 'claim-1'))
      const { token } = await asking.create()
      expect(await asking.register(token, { SerialNumber: 'sn-late', Hardware: 'pi4' })).toEqual({
        accepted: false,
        body: {
          statusCode: 403,
          errorCode: 'AccessDenied',
          errorMessage: expect.stringMatching(/did not answer within 0.05 seconds/),
        },
      })
    } finally {
      await hasty.close()
    }
  })
})
