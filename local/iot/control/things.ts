import { randomUUID } from 'node:crypto'
import { AwsError, type Realm } from '../../core/types.ts'
import { iotArn } from '../arns.ts'
import type { Registry, Thing } from '../registry.ts'
import { checkAttributes, mergeAttributes } from './attributes.ts'
import {
  alreadyExists,
  type ControlCall,
  type ControlOperations,
  checkName,
  invalidRequest,
  notFound,
  optionalRecord,
  optionalText,
  pageOf,
} from './call.ts'

/** CreateThing, DescribeThing, UpdateThing, DeleteThing and ListThings. */
export const thingOperations = (realm: Realm, registry: Registry): ControlOperations => {
  const arn = (name: string) => iotArn(realm, 'thing', name)
  const resource = (call: ControlCall) => arn(call.path['thingName'] ?? '')
  const nameOf = (call: ControlCall) => checkName(call.path['thingName'] ?? '', 'thingName')
  const existing = (call: ControlCall): Thing => {
    const thing = registry.things.get(nameOf(call))
    if (!thing) throw notFound(`Thing ${nameOf(call)} does not exist.`)
    return thing
  }
  const typeOf = (call: ControlCall): string | undefined => {
    const name = optionalText(call.body['thingTypeName'], 'thingTypeName')
    if (name !== undefined && !registry.thingTypes.has(name))
      throw notFound(`Thing type ${name} does not exist.`)
    return name
  }
  const store = (thing: Thing) => {
    registry.things.set(thing.thingName, thing)
    registry.changed()
  }

  return {
    CreateThing: {
      resource,
      run: call => {
        const thingName = nameOf(call)
        const thingTypeName = typeOf(call)
        const payload = optionalRecord(call.body['attributePayload'], 'attributePayload') ?? {}
        const attributes = mergeAttributes({}, payload)
        checkAttributes(attributes, thingTypeName)
        const known = registry.things.get(thingName)
        // AWS answers a repeated call with the same content as if it had made the thing.
        if (known && !sameContent(known, thingTypeName, attributes))
          throw alreadyExists(
            `Thing ${thingName} already exists in account with different attributes`,
            known.thingId,
            arn(thingName),
          )
        const thing = known ?? {
          thingName,
          thingId: randomUUID(),
          ...(thingTypeName === undefined ? {} : { thingTypeName }),
          attributes,
          version: 1,
        }
        if (!known) store(thing)
        return { thingName, thingArn: arn(thingName), thingId: thing.thingId }
      },
    },
    DescribeThing: {
      resource,
      run: call => {
        const thing = existing(call)
        return { defaultClientId: thing.thingName, ...thing, thingArn: arn(thing.thingName) }
      },
    },
    UpdateThing: {
      resource,
      run: call => {
        const { thingTypeName: oldType, ...thing } = existing(call)
        checkVersion(thing, call.body['expectedVersion'])
        const newType = typeOf(call)
        const remove = call.body['removeThingType'] === true
        if (remove && newType !== undefined)
          throw invalidRequest('thingTypeName and removeThingType exclude each other')
        const thingTypeName = remove ? undefined : (newType ?? oldType)
        const payload = optionalRecord(call.body['attributePayload'], 'attributePayload')
        const attributes = payload ? mergeAttributes(thing.attributes, payload) : thing.attributes
        checkAttributes(attributes, thingTypeName)
        store({
          ...thing,
          ...(thingTypeName === undefined ? {} : { thingTypeName }),
          attributes,
          version: thing.version + 1,
        })
        return {}
      },
    },
    DeleteThing: {
      resource,
      run: call => {
        const thing = registry.things.get(nameOf(call))
        // Deleting what is not there succeeds on AWS as well.
        if (!thing) return {}
        const expected = call.query.get('expectedVersion')
        checkVersion(thing, expected === null ? undefined : Number(expected))
        const attached = [...registry.thingPrincipals.values()].some(entries => entries.has(thing.thingName))
        if (attached)
          throw invalidRequest(`Cannot delete thing ${thing.thingName}: detach its principals first`)
        registry.things.delete(thing.thingName)
        registry.changed()
        return {}
      },
    },
    ListThings: {
      resource: () => '*',
      run: ({ query }) => {
        const wanted = filterOf(query)
        const things = [...registry.things.values()].filter(wanted)
        const page = pageOf(things, t => t.thingName, query.get('maxResults'), query.get('nextToken'))
        return {
          things: page.items.map(({ thingId: _, ...thing }) => ({
            ...thing,
            thingArn: arn(thing.thingName),
          })),
          nextToken: page.next,
        }
      },
    },
  }
}

const filterOf = (query: URLSearchParams): ((thing: Thing) => boolean) => {
  const name = query.get('attributeName')
  const value = query.get('attributeValue')
  const type = query.get('thingTypeName')
  const byPrefix = query.get('usePrefixAttributeValue') === 'true'
  if ((name === null) !== (value === null))
    throw invalidRequest('attributeName and attributeValue must be given together')
  return thing => {
    if (type !== null && thing.thingTypeName !== type) return false
    if (name === null || value === null) return true
    const actual = Object.hasOwn(thing.attributes, name) ? thing.attributes[name] : undefined
    return byPrefix ? (actual?.startsWith(value) ?? false) : actual === value
  }
}

const sameContent = (
  thing: Thing,
  type: string | undefined,
  attributes: Readonly<Record<string, string>>,
) => {
  const names = Object.keys(attributes)
  return (
    thing.thingTypeName === type &&
    names.length === Object.keys(thing.attributes).length &&
    names.every(name => thing.attributes[name] === attributes[name])
  )
}

const checkVersion = (thing: Pick<Thing, 'thingName' | 'version'>, expected: unknown): void => {
  if (expected === undefined || expected === null || expected === thing.version) return
  throw new AwsError(
    'VersionConflictException',
    `Thing ${thing.thingName} has version ${thing.version}, not ${String(expected)}`,
    409,
  )
}
