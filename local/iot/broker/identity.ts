import type { PolicyVariables } from '../policy.ts'
import type { Registry, Thing } from '../registry.ts'

/** The connection that policies are evaluated for. */
export interface ConnectionIdentity {
  readonly certificateId: string
  readonly clientId: string
  readonly sourceIp: string
}

/**
 * The thing that a connection is: the one its certificate is attached to exclusively, or else an attached one
 * whose name is the client id. Undefined when the certificate is attached to neither.
 */
export const connectedThing = (
  registry: Registry,
  { certificateId, clientId }: Pick<ConnectionIdentity, 'certificateId' | 'clientId'>,
): { readonly thing: Thing; readonly exclusive: boolean } | undefined => {
  const entries = registry.thingPrincipals.get(certificateId)
  if (!entries) return undefined
  const exclusive = [...entries.values()].find(entry => entry.type === 'EXCLUSIVE_THING')
  const entry = exclusive ?? entries.get(clientId)
  const thing = entry && registry.things.get(entry.thingName)
  return thing ? { thing, exclusive: exclusive !== undefined } : undefined
}

const ATTRIBUTE = /^iot:Connection\.Thing\.Attributes\[(.+)\]$/

/** The policy variables of AWS IoT Core that a certificate's connection has. */
export const policyVariables = (registry: Registry, identity: ConnectionIdentity): PolicyVariables => {
  const thing = connectedThing(registry, identity)?.thing
  return name => {
    switch (name) {
      case 'iot:ClientId':
        return identity.clientId
      case 'aws:SourceIp':
        return identity.sourceIp
      case 'iot:Connection.Thing.IsAttached':
        return String(thing !== undefined)
      case 'iot:Connection.Thing.ThingName':
        return thing?.thingName
      case 'iot:Connection.Thing.ThingTypeName':
        return thing?.thingTypeName
      default: {
        const attribute = ATTRIBUTE.exec(name)?.[1]
        if (attribute === undefined || !thing || !Object.hasOwn(thing.attributes, attribute)) return undefined
        return thing.attributes[attribute]
      }
    }
  }
}
