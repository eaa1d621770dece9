import {
  AttachPolicyCommand,
  CreateKeysAndCertificateCommand,
  type IoTClient,
  UpdateCertificateCommand,
} from '@aws-sdk/client-iot'

export interface ClaimCertificate {
  readonly certificateId: string
  readonly certPem: string
  readonly keyPem: string
}

/** Makes a claim certificate for a production run, with an operator's credentials. AWS gives its key out this once. */
export async function createClaim(iot: IoTClient, policyName: string): Promise<ClaimCertificate> {
  const { certificateArn, certificateId, certificatePem, keyPair } = await iot.send(
    new CreateKeysAndCertificateCommand({ setAsActive: true }),
  )
  const keyPem = keyPair?.PrivateKey
  if (certificateId === undefined || certificatePem === undefined || keyPem === undefined)
    throw new Error('CreateKeysAndCertificate answered without a certificate or its key')
  await iot.send(new AttachPolicyCommand({ policyName, target: certificateArn }))
  return { certificateId, certPem: certificatePem, keyPem }
}

/** Ends a claim: nobody enrols by it any more; devices that did are not touched. */
export async function revokeClaim(iot: IoTClient, certificateId: string): Promise<void> {
  await iot.send(new UpdateCertificateCommand({ certificateId, newStatus: 'REVOKED' }))
}
