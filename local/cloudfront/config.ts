/** A distribution as the template declares it. What is not run is refused at deploy, by name. */
import { AwsError } from '../core/types.ts'
import { type Json, list, record, text } from '../events/read.ts'

export interface Origin {
  readonly id: string
  readonly domain: string
  /** Bucket of an S3 origin with an origin access control. */
  readonly bucket: string | undefined
}
export interface Behavior {
  readonly origin: Origin
  readonly methods: ReadonlySet<string>
  readonly compress: boolean
  readonly forwardsAll: boolean
  readonly headersPolicy: string | undefined
  /** ARN of the function on viewer requests. */
  readonly viewerRequest: string | undefined
}
export interface DistributionConfig {
  readonly defaultRootObject: string
  /** In the order in which they are tried; the default is the last. */
  readonly behaviors: readonly { readonly pattern: RegExp; readonly behavior: Behavior }[]
}

/** AWS's managed policies that are known here. Source: CloudFront developer guide, "Use managed … policies". */
const CACHING_DISABLED = '4135ea2d-6df8-44a3-9df3-4b5a84be39ad'
const CACHING_OPTIMIZED = '658327ea-f89d-4fab-a63d-7e88639e58f6'
const ALL_VIEWER_EXCEPT_HOST = 'b689b0a8-53d0-40ab-baf2-68738e2966ac'

export const refuse = (where: string, problem: string): AwsError =>
  new AwsError('InvalidArgument', `${where}: ${problem}`)

/** Throws InvalidArgument for a property that is not run. */
export function only(where: string, given: Json, known: string): void {
  const names = new Set(known.split(' '))
  const unknown = Object.keys(given).find(name => !names.has(name))
  if (unknown !== undefined) throw refuse(`${where}.${unknown}`, 'is not run by the local cloud')
}

/** Throws InvalidArgument naming the property. */
export function readDistribution(given: Json, accessControls: ReadonlySet<string>): DistributionConfig {
  only(
    'DistributionConfig',
    given,
    'Comment Enabled HttpVersion IPV6Enabled PriceClass DefaultRootObject Aliases ViewerCertificate Origins DefaultCacheBehavior CacheBehaviors CustomErrorResponses',
  )
  // How long errors are kept is all that is known of them here, where nothing is kept.
  for (const [at, each] of list(given['CustomErrorResponses']).entries()) {
    const where = `DistributionConfig.CustomErrorResponses[${at}]`
    only(where, record(each), 'ErrorCode ErrorCachingMinTTL')
    if (Number(record(each)['ErrorCachingMinTTL']) !== 0)
      throw refuse(`${where}.ErrorCachingMinTTL`, 'must be 0')
  }
  if (String(given['Enabled']) !== 'true') throw refuse('DistributionConfig.Enabled', 'must be true')
  const origins = new Map(
    list(given['Origins']).map(each => {
      const origin = readOrigin(record(each), accessControls)
      return [origin.id, origin] as const
    }),
  )
  const behaviors = list(given['CacheBehaviors']).map((each, at) => {
    const where = `DistributionConfig.CacheBehaviors[${at}]`
    const pattern = text(record(each)['PathPattern'])
    if (pattern === undefined) throw refuse(`${where}.PathPattern`, 'is missing')
    return { pattern: pathPattern(pattern), behavior: readBehavior(where, record(each), origins) }
  })
  const where = 'DistributionConfig.DefaultCacheBehavior'
  const behavior = readBehavior(where, record(given['DefaultCacheBehavior']), origins)
  return {
    defaultRootObject: text(given['DefaultRootObject']) ?? '',
    behaviors: [...behaviors, { pattern: /^/, behavior }],
  }
}

function readOrigin(given: Json, accessControls: ReadonlySet<string>): Origin {
  const id = text(given['Id']) ?? ''
  const where = `DistributionConfig.Origins ${id}`
  const domain = text(given['DomainName']) ?? ''
  only(where, given, 'Id DomainName OriginAccessControlId S3OriginConfig CustomOriginConfig')
  if (given['S3OriginConfig'] === undefined) {
    const protocol = record(given['CustomOriginConfig'])['OriginProtocolPolicy']
    if (protocol !== 'https-only')
      throw refuse(`${where}.CustomOriginConfig.OriginProtocolPolicy`, 'must be https-only')
    return { id, domain, bucket: undefined }
  }
  const bucket = /^([a-z0-9.-]+)\.s3(?:\.[a-z0-9-]+)?\.amazonaws\.com$/.exec(domain)?.[1]
  if (bucket === undefined) throw refuse(`${where}.DomainName`, `${domain} is no bucket's`)
  if (!accessControls.has(String(given['OriginAccessControlId'])))
    throw refuse(`${where}.OriginAccessControlId`, 'must be an origin access control of this template')
  return { id, domain, bucket }
}

function readBehavior(where: string, given: Json, origins: ReadonlyMap<string, Origin>): Behavior {
  only(
    where,
    given,
    'PathPattern TargetOriginId ViewerProtocolPolicy AllowedMethods Compress CachePolicyId OriginRequestPolicyId ResponseHeadersPolicyId FunctionAssociations',
  )
  const origin = origins.get(String(given['TargetOriginId']))
  if (!origin) throw refuse(`${where}.TargetOriginId`, 'is not the Id of an origin')
  const cache = given['CachePolicyId']
  if (cache !== CACHING_DISABLED && cache !== CACHING_OPTIMIZED)
    throw refuse(
      `${where}.CachePolicyId`,
      `${String(cache)} is not run; use CachingOptimized or CachingDisabled`,
    )
  const forwards = given['OriginRequestPolicyId']
  if (forwards !== undefined && forwards !== ALL_VIEWER_EXCEPT_HOST)
    throw refuse(
      `${where}.OriginRequestPolicyId`,
      `${String(forwards)} is not run; use AllViewerExceptHostHeader`,
    )
  const associations = list(given['FunctionAssociations']).map(record)
  const other = associations.find(each => each['EventType'] !== 'viewer-request')
  if (other) throw refuse(`${where}.FunctionAssociations`, `${String(other['EventType'])} is not run`)
  const viewerRequest = text(associations[0]?.['FunctionARN'])
  return {
    origin,
    methods: new Set(list(given['AllowedMethods'] ?? ['GET', 'HEAD']).map(String)),
    compress: String(given['Compress']) === 'true' && cache === CACHING_OPTIMIZED,
    forwardsAll: forwards !== undefined,
    headersPolicy: text(given['ResponseHeadersPolicyId']),
    viewerRequest,
  }
}

/** `*` stands for any characters, `?` for one; case counts. The slash at the start may be left out. */
function pathPattern(pattern: string): RegExp {
  const source = pattern
    .replace(/^\/?/, '/')
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`)
}

/** AWS::CloudFront::ResponseHeadersPolicy as the headers that it sets; `override` false leaves the origin's. */
export interface HeadersPolicy {
  readonly headers: readonly { readonly name: string; readonly value: string; readonly override: boolean }[]
}

export function readHeadersPolicy(given: Json, localUrl: (text: string) => string): HeadersPolicy {
  only('ResponseHeadersPolicyConfig', given, 'Name Comment SecurityHeadersConfig CustomHeadersConfig')
  const security = record(given['SecurityHeadersConfig'])
  only(
    'ResponseHeadersPolicyConfig.SecurityHeadersConfig',
    security,
    'ContentSecurityPolicy StrictTransportSecurity ContentTypeOptions FrameOptions ReferrerPolicy',
  )
  const part = (name: string): Json | undefined =>
    security[name] === undefined ? undefined : record(security[name])
  const header = (name: string, from: Json | undefined, value: (from: Json) => string) =>
    from ? [{ name, value: localUrl(value(from)), override: String(from['Override']) === 'true' }] : []
  return {
    headers: [
      ...header('content-security-policy', part('ContentSecurityPolicy'), from =>
        String(from['ContentSecurityPolicy']),
      ),
      ...header('strict-transport-security', part('StrictTransportSecurity'), from =>
        [
          `max-age=${String(from['AccessControlMaxAgeSec'])}`,
          ...(String(from['IncludeSubdomains']) === 'true' ? ['includeSubDomains'] : []),
          ...(String(from['Preload']) === 'true' ? ['preload'] : []),
        ].join('; '),
      ),
      ...header('x-content-type-options', part('ContentTypeOptions'), () => 'nosniff'),
      ...header('x-frame-options', part('FrameOptions'), from => String(from['FrameOption'])),
      ...header('referrer-policy', part('ReferrerPolicy'), from => String(from['ReferrerPolicy'])),
      ...list(record(given['CustomHeadersConfig'])['Items'])
        .map(record)
        .flatMap(item => header(String(item['Header']).toLowerCase(), item, from => String(from['Value']))),
    ],
  }
}
