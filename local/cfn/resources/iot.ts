/** AWS IoT Core. */
import { type ResourceHandlers, read } from '../resource.ts'

export const iot: ResourceHandlers = {
  'AWS::IoT::TopicRule': (resource, { services, physicalName }) => {
    const { optionalString, object } = read(resource)
    // Rule names take letters, digits and underscores only.
    const name = optionalString('RuleName') ?? physicalName(resource.logicalId, 128).replaceAll(/\W/g, '_')
    const { arn } = services.iot.createTopicRule({
      RuleName: name,
      TopicRulePayload: object('TopicRulePayload'),
    })
    return { physicalId: name, attributes: { Arn: arn } }
  },
  'AWS::IoT::Policy': (resource, { realm, services, physicalName }) => {
    const { optionalString, policy } = read(resource)
    const name = optionalString('PolicyName') ?? physicalName(resource.logicalId, 128)
    services.iot.createPolicy({ PolicyName: name, PolicyDocument: policy('PolicyDocument') })
    const arn = `arn:aws:iot:${realm.region}:${realm.accountId}:policy/${name}`
    return { physicalId: name, attributes: { Arn: arn, Id: name } }
  },
  'AWS::IoT::ThingType': (resource, { realm, services, physicalName }) => {
    const name = read(resource).optionalString('ThingTypeName') ?? physicalName(resource.logicalId, 128)
    services.iot.createThingType({ ...resource.properties, ThingTypeName: name })
    const arn = `arn:aws:iot:${realm.region}:${realm.accountId}:thingtype/${name}`
    return { physicalId: name, attributes: { Arn: arn, Id: name } }
  },
}
