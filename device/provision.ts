import {
  AttachPolicyCommand,
  AttachThingPrincipalCommand,
  CreateCertificateFromCsrCommand,
  CreateThingCommand,
  type IoTClient,
} from '@aws-sdk/client-iot'
import { createKeyAndCsr } from './csr.ts'
import { type DeviceIdentity, identityStore } from './identity.ts'

export interface ProvisionOptions {
  /** With an operator's credentials; devices never have AWS credentials. */
  readonly iot: IoTClient
  readonly things: readonly string[]
  readonly fleet: string
  readonly hardware: string
  /** IoT policy for devices, which confines each to its own topics. */
  readonly policyName: string
  /** Where identities are kept; one that is there is used again. Without it they live in memory only. */
  readonly dir?: string
  readonly concurrency?: number
}

/**
 * Registers devices: thing, certificate for a key made here, policy, attachment. Safe to run again: each step is
 * idempotent, and a stored identity is not made anew.
 * @returns identities in the order of `things`
 */
export async function provisionDevices(options: ProvisionOptions): Promise<DeviceIdentity[]> {
  const { things, concurrency = 8 } = options
  const identities = new Map<string, DeviceIdentity>()
  const names = [...new Set(things)].values()
  const worker = async (): Promise<void> => {
    // One iterator for all workers hands each name out once.
    for (const thing of names) identities.set(thing, await provisionOne(thing, options))
  }
  await Promise.all(Array.from({ length: Math.max(1, Math.min(concurrency, things.length)) }, worker))
  return things.map(thing => identities.get(thing)!)
}

async function provisionOne(thing: string, options: ProvisionOptions): Promise<DeviceIdentity> {
  const { iot, fleet, hardware, policyName, dir } = options
  const store = dir === undefined ? null : identityStore(dir)
  try {
    await iot.send(
      new CreateThingCommand({ thingName: thing, attributePayload: { attributes: { fleet, hardware } } }),
    )
    const identity = store?.load(thing) ?? (await certify(thing, iot))
    // Kept before it is attached: a certificate whose key is lost could never be used.
    store?.save(identity)
    const principal = identity.certificateArn
    // A device that enrolled by claim was attached by the template.
    if (principal === undefined) return identity
    await iot.send(new AttachPolicyCommand({ policyName, target: principal }))
    await iot.send(
      new AttachThingPrincipalCommand({
        thingName: thing,
        principal,
        thingPrincipalType: 'EXCLUSIVE_THING',
      }),
    )
    return identity
  } catch (error) {
    const { name, message } = error as Error
    const hint =
      name === 'ResourceAlreadyExistsException'
        ? `: a thing of this name exists with other attributes than fleet=${fleet}, hardware=${hardware}`
        : ''
    throw new Error(`provisioning ${thing} failed (${name}: ${message})${hint}`, { cause: error })
  }
}

async function certify(thing: string, iot: IoTClient): Promise<DeviceIdentity> {
  const { keyPem, csrPem } = createKeyAndCsr(thing)
  const { certificateArn, certificatePem } = await iot.send(
    new CreateCertificateFromCsrCommand({ certificateSigningRequest: csrPem, setAsActive: true }),
  )
  if (certificateArn === undefined || certificatePem === undefined)
    throw new Error('CreateCertificateFromCsr answered without a certificate')
  return { thing, keyPem, certPem: certificatePem, certificateArn }
}
