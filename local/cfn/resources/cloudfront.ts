/** CloudFront distributions and what they are made of. */
import type { ResourceHandlers } from '../resource.ts'

export const cloudfront: ResourceHandlers = {
  'AWS::CloudFront::OriginAccessControl': (resource, { services, physicalName }) => {
    const id = services.cloudfront.createAccessControl(physicalName(resource.logicalId), resource.properties)
    return { physicalId: id, attributes: { Id: id } }
  },
  'AWS::CloudFront::ResponseHeadersPolicy': (resource, { services, physicalName }) => {
    const id = services.cloudfront.createHeadersPolicy(physicalName(resource.logicalId), resource.properties)
    return { physicalId: id, attributes: { Id: id } }
  },
  'AWS::CloudFront::Function': (resource, { services, physicalName }) => {
    const { arn } = services.cloudfront.createFunction(physicalName(resource.logicalId), resource.properties)
    return { physicalId: arn, attributes: { FunctionARN: arn } }
  },
  'AWS::CloudFront::Distribution': async (resource, { services, physicalName }) => {
    const { id, domain, url } = await services.cloudfront.createDistribution(
      physicalName(resource.logicalId),
      resource.properties,
    )
    services.addresses.add(`https://${domain}`, url)
    return { physicalId: id, attributes: { Id: id, DomainName: domain } }
  },
}
