/** HTTP APIs (API Gateway v2). */
import { type ResourceHandlers, read } from '../resource.ts'

export const httpApi: ResourceHandlers = {
  'AWS::ApiGatewayV2::Api': (resource, { services, realm }) => {
    const { apiId, endpoint } = services.http.createApi(resource.properties)
    services.addresses.add(`https://${apiId}.execute-api.${realm.region}.amazonaws.com`, endpoint)
    return { physicalId: apiId, attributes: { ApiId: apiId, ApiEndpoint: endpoint } }
  },
  'AWS::ApiGatewayV2::Stage': (resource, { services }) => {
    const { string } = read(resource)
    services.http.createStage(string('ApiId'), resource.properties)
    return { physicalId: string('StageName') }
  },
  'AWS::ApiGatewayV2::Authorizer': (resource, { services }) => {
    const id = services.http.createAuthorizer(read(resource).string('ApiId'), resource.properties)
    return { physicalId: id, attributes: { AuthorizerId: id } }
  },
  'AWS::ApiGatewayV2::Integration': (resource, { services }) => {
    const id = services.http.createIntegration(read(resource).string('ApiId'), resource.properties)
    return { physicalId: id, attributes: { IntegrationId: id } }
  },
  'AWS::ApiGatewayV2::Route': (resource, { services, physicalName }) => {
    services.http.createRoute(read(resource).string('ApiId'), resource.properties)
    return { physicalId: physicalName(resource.logicalId) }
  },
}
