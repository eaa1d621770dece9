/** S3 and DynamoDB. */
import { type ResourceHandlers, read } from '../resource.ts'

export const storage: ResourceHandlers = {
  'AWS::S3::Bucket': (resource, { services, realm, physicalName }) => {
    const { optionalObject, optionalString, fail } = read(resource)
    for (const kind of Object.keys(optionalObject('NotificationConfiguration') ?? {}))
      if (kind !== 'EventBridgeConfiguration')
        throw fail(
          `NotificationConfiguration.${kind}`,
          'is not run by the local cloud; use EventBridgeConfiguration',
        )
    const name = optionalString('BucketName') ?? physicalName(resource.logicalId, 63).toLowerCase()
    services.s3.createBucket({ ...resource.properties, BucketName: name })
    return {
      physicalId: name,
      attributes: {
        Arn: `arn:aws:s3:::${name}`,
        DomainName: `${name}.s3.amazonaws.com`,
        RegionalDomainName: `${name}.s3.${realm.region}.amazonaws.com`,
      },
    }
  },
  'AWS::S3::BucketPolicy': (resource, { services }) => {
    const { string, policy } = read(resource)
    services.s3.setBucketPolicy(string('Bucket'), policy('PolicyDocument'))
    return { physicalId: string('Bucket') }
  },
  'AWS::DynamoDB::Table': async (resource, { services, physicalName }) => {
    const name = read(resource).optionalString('TableName') ?? physicalName(resource.logicalId, 255)
    const table = await services.dynamodb.createTable({ ...resource.properties, TableName: name })
    return {
      physicalId: name,
      attributes: { Arn: table.arn, ...(table.streamArn !== undefined && { StreamArn: table.streamArn }) },
    }
  },
}
