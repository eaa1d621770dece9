import type { Realm } from '../../core/types.ts'
import { certificateIdOf, iotArn } from '../arns.ts'
import type { Registry, ThingPrincipal, ThingPrincipalType } from '../registry.ts'
import { type ControlCall, type ControlOperations, invalidRequest, notFound, pageOf } from './call.ts'

/** Which certificate belongs to which thing. */
export const principalOperations = (realm: Realm, registry: Registry): ControlOperations => {
  const thingOf = (call: ControlCall): string => {
    const name = call.path['thingName'] ?? ''
    if (!registry.things.has(name)) throw notFound(`Thing ${name} does not exist.`)
    return name
  }
  const certificateOf = (call: ControlCall): string => {
    const arn = call.headers['x-amzn-principal'] ?? ''
    const id = certificateIdOf(arn)
    if (id === undefined)
      throw invalidRequest(`principal must be the ARN of a certificate; got ${JSON.stringify(arn)}`)
    if (!registry.certificates.has(id)) throw notFound(`Certificate ${id} does not exist.`)
    return id
  }
  const entriesOf = (id: string) => registry.thingPrincipals.get(id) ?? new Map<string, ThingPrincipal>()

  return {
    AttachThingPrincipal: {
      resource: () => '*',
      run: call => {
        const thingName = thingOf(call)
        const certificateId = certificateOf(call)
        const type = principalType(call.query.get('thingPrincipalType'))
        const entries = entriesOf(certificateId)
        checkExclusive(thingName, type, [...entries.values()])
        registry.thingPrincipals.set(
          certificateId,
          entries.set(thingName, { thingName, certificateId, type }),
        )
        registry.changed()
        return {}
      },
    },
    DetachThingPrincipal: {
      resource: () => '*',
      run: call => {
        entriesOf(certificateOf(call)).delete(thingOf(call))
        registry.changed()
        return {}
      },
    },
    ListThingPrincipals: {
      resource: call => iotArn(realm, 'thing', call.path['thingName'] ?? ''),
      run: call => {
        const name = thingOf(call)
        const ids = [...registry.thingPrincipals].filter(([, entries]) => entries.has(name)).map(([id]) => id)
        const page = pageOf(ids, id => id, call.query.get('maxResults'), call.query.get('nextToken'))
        return { principals: page.items.map(id => iotArn(realm, 'cert', id)), nextToken: page.next }
      },
    },
    ListPrincipalThings: {
      resource: () => '*',
      run: call => {
        const names = [...entriesOf(certificateOf(call)).keys()]
        const page = pageOf(names, name => name, call.query.get('maxResults'), call.query.get('nextToken'))
        return { things: page.items, nextToken: page.next }
      },
    },
  }
}

const principalType = (given: string | null): ThingPrincipalType => {
  if (given === null || given === 'NON_EXCLUSIVE_THING') return 'NON_EXCLUSIVE_THING'
  if (given === 'EXCLUSIVE_THING') return given
  throw invalidRequest(
    `thingPrincipalType must be EXCLUSIVE_THING or NON_EXCLUSIVE_THING; got ${JSON.stringify(given)}`,
  )
}

/** An exclusive attachment is the only one that a certificate has. */
const checkExclusive = (
  thingName: string,
  type: ThingPrincipalType,
  entries: readonly ThingPrincipal[],
): void => {
  const others = entries.filter(entry => entry.thingName !== thingName)
  if (type === 'EXCLUSIVE_THING' && others.length > 0)
    throw invalidRequest(
      `the certificate is attached to ${others[0]?.thingName}; detach it before an EXCLUSIVE_THING attachment`,
    )
  const exclusive = others.find(entry => entry.type === 'EXCLUSIVE_THING')
  if (exclusive) throw invalidRequest(`the certificate is attached exclusively to ${exclusive.thingName}`)
}
