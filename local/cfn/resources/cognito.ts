/** Cognito user pools. */
import type { ResourceHandlers } from '../resource.ts'

export const cognito: ResourceHandlers = {
  'AWS::Cognito::UserPool': (resource, { services, physicalName }) => {
    const name = physicalName(resource.logicalId)
    const { id, arn, issuer } = services.cognito.createPool(name, resource.properties)
    const ProviderName = issuer.replace(/^https?:\/\//, '')
    return { physicalId: id, attributes: { Arn: arn, UserPoolId: id, ProviderURL: issuer, ProviderName } }
  },
  'AWS::Cognito::UserPoolDomain': (resource, { services }) => {
    const { domain, awsUrl, url } = services.cognito.createDomain(resource.properties)
    services.addresses.add(awsUrl, url)
    return { physicalId: domain }
  },
  'AWS::Cognito::UserPoolResourceServer': (resource, { services }) => ({
    physicalId: services.cognito.createResourceServer(resource.properties),
  }),
  'AWS::Cognito::UserPoolGroup': (resource, { services }) => ({
    physicalId: services.cognito.createGroup(resource.properties),
  }),
  'AWS::Cognito::UserPoolClient': (resource, { services, physicalName }) => {
    const { id, secret } = services.cognito.createClient(
      physicalName(resource.logicalId),
      resource.properties,
    )
    return {
      physicalId: id,
      attributes: { ClientId: id, ...(secret !== undefined && { ClientSecret: secret }) },
    }
  },
}
