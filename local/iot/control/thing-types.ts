import { randomUUID } from 'node:crypto'
import type { Realm } from '../../core/types.ts'
import { iotArn } from '../arns.ts'
import type { Registry, ThingType } from '../registry.ts'
import {
  alreadyExists,
  type ControlCall,
  type ControlOperations,
  checkName,
  notFound,
  optionalRecord,
  seconds,
} from './call.ts'

/** CreateThingType and DescribeThingType. */
export const thingTypeOperations = (realm: Realm, registry: Registry): ControlOperations => {
  const resource = (call: ControlCall) => iotArn(realm, 'thingtype', call.path['thingTypeName'] ?? '')
  const nameOf = (call: ControlCall) => checkName(call.path['thingTypeName'] ?? '', 'thingTypeName')
  return {
    CreateThingType: {
      resource,
      run: call => {
        const name = nameOf(call)
        const properties = optionalRecord(call.body['thingTypeProperties'], 'thingTypeProperties') ?? {}
        const known = registry.thingTypes.get(name)
        if (known && JSON.stringify(known.thingTypeProperties) !== JSON.stringify(properties))
          throw alreadyExists(`Thing type ${name} already exists`, known.thingTypeId, resource(call))
        const type = known ?? storeThingType(realm, registry, name, properties)
        return { thingTypeName: name, thingTypeArn: resource(call), thingTypeId: type.thingTypeId }
      },
    },
    DescribeThingType: {
      resource,
      run: call => {
        const type = registry.thingTypes.get(nameOf(call))
        if (!type) throw notFound(`Thing type ${nameOf(call)} does not exist.`)
        const { creationDate, ...rest } = type
        return {
          ...rest,
          thingTypeArn: resource(call),
          thingTypeMetadata: { deprecated: false, creationDate: seconds(creationDate) },
        }
      },
    },
  }
}

/** Makes a thing type, or gives one that exists new properties and keeps its id. */
export const storeThingType = (
  realm: Realm,
  registry: Registry,
  name: string,
  thingTypeProperties: Readonly<Record<string, unknown>>,
): ThingType => {
  const known = registry.thingTypes.get(name)
  const type: ThingType = {
    thingTypeName: name,
    thingTypeId: known?.thingTypeId ?? randomUUID(),
    thingTypeProperties,
    creationDate: known?.creationDate ?? realm.now().getTime(),
  }
  registry.thingTypes.set(name, type)
  registry.changed()
  return type
}
