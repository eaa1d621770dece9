/** SQS, EventBridge, log groups and alarms. */
import { type ResourceHandlers, read } from '../resource.ts'

export const messaging: ResourceHandlers = {
  'AWS::SQS::Queue': (resource, { services, physicalName }) => {
    const name = read(resource).optionalString('QueueName') ?? physicalName(resource.logicalId, 80)
    const queue = services.sqs.createQueue({ ...resource.properties, QueueName: name })
    return { physicalId: queue.url, attributes: { Arn: queue.arn, QueueName: name, QueueUrl: queue.url } }
  },
  'AWS::SQS::QueuePolicy': (resource, { services, physicalName }) => {
    const { strings, policy, fail } = read(resource)
    const queues = strings('Queues')
    if (queues.length === 0) throw fail('Queues', 'must name at least one queue URL')
    for (const url of queues) services.sqs.setQueuePolicy(url, policy('PolicyDocument'))
    return { physicalId: physicalName(resource.logicalId) }
  },
  'AWS::Events::EventBus': (resource, { services }) => {
    const name = read(resource).string('Name')
    const { arn } = services.events.createBus({ ...resource.properties, Name: name })
    return { physicalId: name, attributes: { Arn: arn, Name: name } }
  },
  'AWS::Events::Connection': (resource, { services, physicalName }) => {
    const Name = read(resource).optionalString('Name') ?? physicalName(resource.logicalId)
    const { arn, arnForPolicy } = services.events.createConnection({ ...resource.properties, Name })
    return { physicalId: Name, attributes: { Arn: arn, ArnForPolicy: arnForPolicy } }
  },
  'AWS::Events::ApiDestination': (resource, { services, physicalName }) => {
    const Name = read(resource).optionalString('Name') ?? physicalName(resource.logicalId)
    const { arn, arnForPolicy } = services.events.createApiDestination({ ...resource.properties, Name })
    return { physicalId: Name, attributes: { Arn: arn, ArnForPolicy: arnForPolicy } }
  },
  'AWS::Events::Rule': (resource, { services, physicalName }) => {
    const { optionalString } = read(resource)
    const name = optionalString('Name') ?? physicalName(resource.logicalId)
    const bus = optionalString('EventBusName') ?? 'default'
    const { arn } = services.events.createRule({ ...resource.properties, Name: name })
    // Ref of a rule on a bus of one's own is `bus|rule`.
    return { physicalId: bus === 'default' ? name : `${bus}|${name}`, attributes: { Arn: arn } }
  },
  'AWS::CloudWatch::Alarm': (resource, { services, physicalName }) => {
    const AlarmName = read(resource).optionalString('AlarmName') ?? physicalName(resource.logicalId)
    const { arn } = services.cloudwatch.createAlarm({ ...resource.properties, AlarmName })
    return { physicalId: AlarmName, attributes: { Arn: arn } }
  },
  'AWS::CloudWatch::CompositeAlarm': (resource, { services, physicalName }) => {
    const AlarmName = read(resource).optionalString('AlarmName') ?? physicalName(resource.logicalId)
    const { arn } = services.cloudwatch.createCompositeAlarm({ ...resource.properties, AlarmName })
    return { physicalId: AlarmName, attributes: { Arn: arn } }
  },
  'AWS::Logs::LogGroup': (resource, { realm, services, physicalName }) => {
    const { optionalString, optionalNumber } = read(resource)
    const name = optionalString('LogGroupName') ?? physicalName(resource.logicalId, 512)
    const days = optionalNumber('RetentionInDays', 1, 3653)
    services.logs.createLogGroup({ LogGroupName: name, ...(days !== undefined && { RetentionInDays: days }) })
    const arn = `arn:aws:logs:${realm.region}:${realm.accountId}:log-group:${name}:*`
    return { physicalId: name, attributes: { Arn: arn } }
  },
}
