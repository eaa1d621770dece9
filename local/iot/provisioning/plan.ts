import type { Realm } from '../../core/types.ts'
import { iotArn } from '../arns.ts'
import type { ControlCall } from '../control/call.ts'
import type { Registry } from '../registry.ts'
import type { Desired, DesiredThing } from './evaluate.ts'
import { refuse } from './rejection.ts'

/** One operation of the control plane that provisioning needs, by its API name. */
export interface PlannedCall {
  readonly operation: string
  readonly call: ControlCall
}

/**
 * The calls that a provisioning role must be allowed. AWS does not list what it calls; these are the ones of its
 * managed policy AWSIoTThingsRegistration that the work consists of, what is looked at included, so that a role
 * that is enough here is not too small there.
 */
export interface Plan {
  /** What is looked at to decide; asked for and not run, since the answers are known here. */
  readonly reads: readonly PlannedCall[]
  readonly writes: readonly PlannedCall[]
}

/** Compares what a template asks for with what there is. Throws for a conflict and for what must exist and does not. */
export const planProvisioning = (
  realm: Realm,
  registry: Registry,
  desired: Desired,
  certificateId: string,
): Plan => {
  const reads: PlannedCall[] = [call('DescribeCertificate', { certificateId })]
  const writes: PlannedCall[] = []
  const certificateArn = iotArn(realm, 'cert', certificateId)
  if (desired.thing) {
    const { name, typeName } = desired.thing
    reads.push(call('DescribeThing', { thingName: name }))
    if (typeName !== undefined) reads.push(call('DescribeThingType', { thingTypeName: typeName }))
    writes.push(...thingWrites(registry, desired.thing))
  }
  for (const { name, document } of desired.policies) {
    const exists = registry.policies.has(name)
    reads.push(call('GetPolicy', { policyName: name }))
    if (!exists && document === undefined)
      throw refuse(404, 'ResourceNotFound', `Policy ${name} of the template does not exist.`)
    if (!exists && document !== undefined)
      writes.push(call('CreatePolicy', { policyName: name }, { policyDocument: document }))
    writes.push(call('AttachPolicy', { policyName: name }, { target: certificateArn }))
  }
  if (desired.thing)
    writes.push({
      operation: 'AttachThingPrincipal',
      call: {
        path: { thingName: desired.thing.name },
        query: new URLSearchParams({ thingPrincipalType: desired.thingPrincipalType }),
        headers: { 'x-amzn-principal': certificateArn },
        body: {},
      },
    })
  // Last: a certificate that can connect has everything else already.
  writes.push({
    operation: 'UpdateCertificate',
    call: {
      path: { certificateId },
      query: new URLSearchParams({ newStatus: desired.status }),
      headers: {},
      body: {},
    },
  })
  return { reads, writes }
}

/**
 * AWS does not say what happens to a thing that exists when there are no OverrideSettings; here it stays as it is
 * (DO_NOTHING), so that a device can be provisioned again. Whether it may is for the hook to decide.
 */
const thingWrites = (registry: Registry, thing: DesiredThing): readonly PlannedCall[] => {
  const { name, typeName, attributes, overrideSettings } = thing
  const path = { thingName: name }
  const type = typeName === undefined ? {} : { thingTypeName: typeName }
  if (!registry.things.has(name))
    return [
      call('CreateThing', path, { ...type, ...(attributes ? { attributePayload: { attributes } } : {}) }),
    ]
  if (Object.values(overrideSettings).includes('FAIL'))
    throw refuse(409, 'ResourceConflicts', `Thing ${name} exists already, and OverrideSettings say FAIL.`)
  const onAttributes = overrideSettings['AttributePayload']
  const merge = onAttributes === 'MERGE'
  const changes = {
    ...(overrideSettings['ThingTypeName'] === 'REPLACE' ? type : {}),
    ...(attributes && (merge || onAttributes === 'REPLACE')
      ? { attributePayload: { attributes, merge } }
      : {}),
  }
  return Object.keys(changes).length === 0 ? [] : [call('UpdateThing', path, changes)]
}

const call = (
  operation: string,
  path: Readonly<Record<string, string>>,
  body: Readonly<Record<string, unknown>> = {},
): PlannedCall => ({ operation, call: { path, query: new URLSearchParams(), headers: {}, body } })
