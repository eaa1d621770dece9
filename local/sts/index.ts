/** STS over the query protocol: who am I, and role sessions for people's own tools. */
import { createHash } from 'node:crypto'
import type { Iam, ServiceOptions } from '../core/services.ts'
import { AwsError, type CallContext, type Principal, type Realm, type RestService } from '../core/types.ts'
import { writeXml, type XmlValue } from '../http/xml.ts'

const namespace = 'https://sts.amazonaws.com/doc/2011-06-15/'

/** Creates STS. Only the operator may assume roles; functions get theirs from the Lambda host. */
export function createSts({ realm, iam }: ServiceOptions): RestService {
  return {
    kind: 'rest',
    name: 'sts',
    signingNames: ['sts'],
    handle(request, context) {
      const input = new URLSearchParams(request.body.toString('utf8') || request.query.toString())
      const action = input.get('Action') ?? ''
      return Promise.resolve({
        status: 200,
        headers: { 'content-type': 'text/xml' },
        body: writeXml(
          `${action}Response`,
          {
            [`${action}Result`]: run(action, input, context, realm, iam),
            ResponseMetadata: { RequestId: context.requestId },
          },
          namespace,
        ),
      })
    },
  }
}

function run(action: string, input: URLSearchParams, context: CallContext, realm: Realm, iam: Iam): XmlValue {
  if (action === 'GetCallerIdentity') {
    const { principal } = context
    return { Arn: principal.arn, UserId: userId(principal), Account: realm.accountId }
  }
  if (action === 'AssumeRole') return assumeRole(input, context.principal, realm, iam)
  throw new AwsError(
    'NotImplemented',
    `The local cloud does not implement sts: ${action || '(no Action)'}.`,
    501,
  )
}

function assumeRole(input: URLSearchParams, caller: Principal, realm: Realm, iam: Iam): XmlValue {
  const arn = input.get('RoleArn') ?? ''
  const session = input.get('RoleSessionName') ?? ''
  const seconds = Number(input.get('DurationSeconds') ?? 3600)
  const roleName = new RegExp(`^arn:aws:iam::${realm.accountId}:role/(?:.*/)?([\\w+=,.@-]+)$`).exec(arn)?.[1]
  if (!/^[\w+=,.@-]{2,64}$/.test(session))
    throw new AwsError('ValidationError', 'RoleSessionName must be 2 to 64 characters of A-Z a-z 0-9 _+=,.@-')
  if (!Number.isInteger(seconds) || seconds < 900 || seconds > 43_200)
    throw new AwsError('ValidationError', 'DurationSeconds must be between 900 and 43200')
  const denied = new AwsError(
    'AccessDenied',
    `User: ${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${arn}`,
    403,
  )
  if (caller.kind !== 'operator' || roleName === undefined) throw denied
  const { accessKeyId, secretAccessKey, sessionToken } = credentials(iam, roleName, session, denied)
  const principal = iam.principalFor(roleName, session)
  const expiration = new Date(realm.now().getTime() + seconds * 1000).toISOString()
  return {
    Credentials: {
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      SessionToken: sessionToken,
      // What a client plans its refresh by; the local cloud itself honours a session until it stops.
      Expiration: expiration,
    },
    AssumedRoleUser: { AssumedRoleId: userId(principal), Arn: principal.arn },
  }
}

// STS does not tell whether a role exists to those who may not assume it.
function credentials(iam: Iam, roleName: string, session: string, denied: AwsError) {
  try {
    return iam.credentialsFor(roleName, session)
  } catch {
    throw denied
  }
}

function userId(principal: Principal): string {
  const prefix = principal.kind === 'role' ? 'AROA' : 'AIDA'
  const digest = createHash('sha256')
    .update(principal.roleName ?? principal.arn)
    .digest('hex')
    .toUpperCase()
  const session = principal.sessionName === undefined ? '' : `:${principal.sessionName}`
  return `${prefix}${digest.slice(0, 17)}${session}`
}
