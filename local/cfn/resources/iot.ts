/** AWS IoT Core. */
import { type ResourceHandlers, read, roleNameOf } from '../resource.ts'

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
  'AWS::IoT::ProvisioningTemplate': (resource, { services, physicalName, afterwards }) => {
    const { string, optionalString, optionalObject, boolean, fail, only } = read(resource)
    only(
      'TemplateName Description TemplateBody Enabled ProvisioningRoleArn TemplateType PreProvisioningHook Tags',
    )
    const name = optionalString('TemplateName') ?? physicalName(resource.logicalId, 36)
    const { arn } = services.iot.createProvisioningTemplate({
      ...resource.properties,
      TemplateName: name,
      Enabled: boolean('Enabled', false),
    })
    const roleName = roleNameOf(string('ProvisioningRoleArn'))
    const target = optionalObject('PreProvisioningHook')?.['TargetArn']
    afterwards(() => {
      if (roleName === undefined)
        throw fail('ProvisioningRoleArn', 'must be the ARN of a role of this account')
      services.iam.assertAssumable(roleName, 'iot.amazonaws.com')
      if (target !== undefined && !services.lambda.getFunction(String(target)))
        throw fail('PreProvisioningHook', `there is no function ${String(target)} in this template`)
    })
    return { physicalId: name, attributes: { TemplateArn: arn } }
  },
  'AWS::IoT::ThingType': (resource, { realm, services, physicalName }) => {
    const name = read(resource).optionalString('ThingTypeName') ?? physicalName(resource.logicalId, 128)
    services.iot.createThingType({ ...resource.properties, ThingTypeName: name })
    const arn = `arn:aws:iot:${realm.region}:${realm.accountId}:thingtype/${name}`
    return { physicalId: name, attributes: { Arn: arn, Id: name } }
  },
}
