/** Devices come and go on the probe's cloud, so that the functions around them use every right that they have. */
import { DescribeCertificateCommand } from '@aws-sdk/client-iot'
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { provisionDevices } from '../../device/provision.ts'
import type { Cloud } from '../../local/cloud.ts'
import type { Watch } from '../story/watch.ts'
import { enrolFleet, giveCommand, iotOf } from './enrol.ts'

const PATIENCE_MS = 30_000

/** A list is dropped, a device enrols by claim, and one that nobody has heard of yet is revoked. */
export async function comeAndGo(
  cloud: Cloud,
  s3: S3Client,
  bus: Watch,
  { fleet, hardware }: { readonly fleet: string; readonly hardware: string },
): Promise<{ what: string }> {
  const [late, lost] = [`${fleet}-late`, `${fleet}-lost`]
  const Body = `serial,fleet,hardware\nno name,${fleet},${hardware}\n${late},${fleet},${hardware}\n`
  const Bucket = String(cloud.outputs['DropBucketName'])
  await s3.send(new PutObjectCommand({ Bucket, Key: 'devices/late.csv', Body }))
  await bus.until('InputRejected', 60, d => d['subject'] === 'devices/late.csv')
  await enrolFleet(cloud, { things: [late], fleet, hardware })
  const iot = iotOf(cloud)
  try {
    const policyName = String(cloud.outputs['DevicePolicyName'])
    const [identity] = await provisionDevices({ iot, things: [lost], fleet, hardware, policyName })
    await giveCommand(cloud, 'POST', `/v1/devices/${lost}/revocation`, { reason: 'lost' })
    const certificateId = identity?.certificateArn?.split('/')[1]
    const until = Date.now() + PATIENCE_MS
    for (;;) {
      const { certificateDescription } = await iot.send(new DescribeCertificateCommand({ certificateId }))
      if (certificateDescription?.status === 'REVOKED')
        return { what: 'a device enrolled, another was revoked' }
      const fault = cloud.denials[0]
      if (fault !== undefined) throw new Error(fault.message)
      if (Date.now() > until) throw new Error(`the certificate of ${lost} was not revoked`)
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  } finally {
    iot.destroy()
  }
}
