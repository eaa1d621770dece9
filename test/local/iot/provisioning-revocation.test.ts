import {
  DeleteCertificateCommand,
  DetachPolicyCommand,
  DetachThingPrincipalCommand,
  UpdateCertificateCommand,
} from '@aws-sdk/client-iot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Claim, claimCertificate, deviceOf, openClaim, prepare } from './provisioning-support.ts'
import { closed, collect, type Device, eventually, type Lab, openLab } from './support.ts'

let lab: Lab
let claimed: Device
let claim: Claim
beforeAll(async () => {
  lab = await openLab()
  prepare(lab)
  claimed = await claimCertificate(lab.control, 'claim-1')
  claim = await openClaim(lab, claimed)
})
afterAll(() => lab.close())

const provisioned = async (serial: string): Promise<Device> => {
  const made = await claim.create(serial)
  const { accepted } = await claim.register(made.token, { SerialNumber: serial, Hardware: 'pi4' })
  expect(accepted).toBe(true)
  return deviceOf(serial, made)
}
const update = ({ certificateId }: Device, newStatus: 'ACTIVE' | 'INACTIVE' | 'REVOKED') =>
  lab.control.send(new UpdateCertificateCommand({ certificateId, newStatus }))

describe('a provisioned device', () => {
  it.each(['REVOKED', 'INACTIVE'] as const)('is cut off when its certificate is %s', async status => {
    const watcher = await lab.connect(await lab.provision(`watcher-${status}`))
    const events = collect(watcher)
    await watcher.subscribeAsync('$aws/events/presence/disconnected/+')
    const device = await provisioned(`sn-${status}`)
    const client = await lab.connect(device)
    const gone = closed(client)
    await update(device, status)
    await gone
    const event = await eventually('the lifecycle event', () =>
      events.find(({ topic }) => topic.endsWith(`/sn-${status}`)),
    )
    expect(JSON.parse(event.payload.toString())).toMatchObject({
      disconnectReason: 'AUTH_ERROR',
      clientInitiatedDisconnect: false,
    })
    await expect(lab.connect(device)).rejects.toThrow(/Not authorized/)
    await watcher.endAsync()
  })

  it('loses its rights when it is detached from its thing', async () => {
    const device = await provisioned('sn-detached')
    const client = await lab.connect(device)
    await client.publishAsync('up/sn-detached', '1', { qos: 1 })
    const { thingName, certificateArn: principal } = device
    await lab.control.send(new DetachThingPrincipalCommand({ thingName, principal }))
    const gone = closed(client)
    client.publish('up/sn-detached', '2', { qos: 1 })
    await gone
    await expect(lab.connect(device)).rejects.toThrow(/Not authorized/)
  })

  it('is gone when its certificate is deleted, which takes all steps before it', async () => {
    const device = await provisioned('sn-deleted')
    const { certificateId, certificateArn, thingName } = device
    const remove = () => lab.control.send(new DeleteCertificateCommand({ certificateId }))
    await expect(remove()).rejects.toMatchObject({ name: 'CertificateStateException' })
    await update(device, 'INACTIVE')
    await expect(remove()).rejects.toMatchObject({ name: 'DeleteConflictException' })
    await lab.control.send(new DetachThingPrincipalCommand({ thingName, principal: certificateArn }))
    await expect(remove()).rejects.toMatchObject({ name: 'DeleteConflictException' })
    await lab.control.send(new DetachPolicyCommand({ policyName: 'device', target: certificateArn }))
    await remove()
    await expect(lab.connect(device)).rejects.toThrow(/Not authorized/)
    await expect(update(device, 'ACTIVE')).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
  })

  it('stays when the claim certificate that brought it in is revoked, and no other comes', async () => {
    const leaked = await claimCertificate(lab.control, 'claim-leaked')
    const before = await openClaim(lab, leaked)
    const made = await before.create()
    await before.register(made.token, { SerialNumber: 'sn-before', Hardware: 'pi4' })
    const gone = closed(before.client)
    await update(leaked, 'REVOKED')
    await gone
    await expect(lab.connect(leaked)).rejects.toThrow(/Not authorized/)
    await (await lab.connect(deviceOf('sn-before', made))).endAsync()
  })
})
