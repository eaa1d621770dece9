/** Who the operators are and where their page is served: user pool, clients, distribution. */
import { at, list, ofType, policyStatements, properties, type Rule, target, text } from './template.ts'

const PUBLIC_SCOPES = ['openid', 'profile']
const behaviors = (distribution: Record<string, unknown>): unknown[] => [
  at(distribution, 'DistributionConfig', 'DefaultCacheBehavior'),
  ...list(at(distribution, 'DistributionConfig', 'CacheBehaviors')),
]
const complain = (id: string, holds: Readonly<Record<string, boolean>>): string[] =>
  Object.entries(holds).flatMap(([what, ok]) => (ok ? [] : [`${id}: ${what}`]))

export const operatorRules: readonly Rule[] = [
  {
    name: 'user pool: people are made by administrators, long passwords, a second factor possible, protected, kept',
    check: t =>
      ofType(t, 'AWS::Cognito::UserPool').flatMap(([id, pool]) =>
        complain(id, {
          'anybody may sign up': at(pool, 'AdminCreateUserConfig', 'AllowAdminCreateUserOnly') === true,
          'short passwords': Number(at(pool, 'Policies', 'PasswordPolicy', 'MinimumLength')) >= 12,
          'no second factor': ['OPTIONAL', 'ON'].includes(String(pool['MfaConfiguration'])),
          'not protected': pool['DeletionProtection'] === 'ACTIVE',
          'goes with the stack': t.Resources[id]?.DeletionPolicy === 'Retain',
          'no trigger gives scopes': at(pool, 'LambdaConfig', 'PreTokenGenerationConfig') !== undefined,
        }),
      ),
    spoil: t => {
      properties(t, 'OperatorPool')['AdminCreateUserConfig'] = { AllowAdminCreateUserOnly: false }
    },
  },
  {
    name: 'client without a secret: codes only, no scope of ours to ask for, short tokens, refresh tokens that rotate',
    check: t =>
      ofType(t, 'AWS::Cognito::UserPoolClient')
        .filter(([, client]) => client['GenerateSecret'] !== true)
        .flatMap(([id, client]) =>
          complain(id, {
            'another flow than code': text(client['AllowedOAuthFlows']) === '["code"]',
            'asks for scopes by itself': list(client['AllowedOAuthScopes']).every(scope =>
              PUBLIC_SCOPES.includes(String(scope)),
            ),
            'tells who exists': client['PreventUserExistenceErrors'] === 'ENABLED',
            'access tokens of more than an hour':
              client['AccessTokenValidity'] === 1 &&
              at(client, 'TokenValidityUnits', 'AccessToken') === 'hours',
            'refresh tokens that do not rotate': at(client, 'RefreshTokenRotation', 'Feature') === 'ENABLED',
          }),
        ),
    spoil: t => {
      properties(t, 'CliClient')['AllowedOAuthScopes'] = ['openid', 'edgeloop/rollouts:approve']
    },
  },
  {
    name: 'machine client: no scope that changes anything',
    check: t =>
      ofType(t, 'AWS::Cognito::UserPoolClient')
        .filter(([, client]) => client['GenerateSecret'] === true)
        .flatMap(([id, client]) =>
          list(client['AllowedOAuthScopes']).flatMap(scope =>
            String(scope).endsWith(':read') ? [] : [`${id}: ${scope}`],
          ),
        ),
    spoil: t => {
      properties(t, 'MachineClient')['AllowedOAuthScopes'] = ['edgeloop/fleet:read', 'edgeloop/devices:write']
    },
  },
  {
    name: 'distribution: https to viewers and origins, signed reads of buckets, headers on every answer',
    check: t =>
      ofType(t, 'AWS::CloudFront::Distribution').flatMap(([id, distribution]) => [
        ...behaviors(distribution).flatMap(behavior =>
          complain(`${id} ${at(behavior, 'PathPattern') ?? 'default'}`, {
            'plain http': ['https-only', 'redirect-to-https'].includes(
              String(at(behavior, 'ViewerProtocolPolicy')),
            ),
            'no headers policy':
              t.Resources[target(at(behavior, 'ResponseHeadersPolicyId'))]?.Type ===
              'AWS::CloudFront::ResponseHeadersPolicy',
          }),
        ),
        ...list(at(distribution, 'DistributionConfig', 'Origins')).flatMap(origin =>
          complain(`${id} origin ${at(origin, 'Id')}`, {
            'neither signed nor https':
              at(origin, 'S3OriginConfig') === undefined
                ? at(origin, 'CustomOriginConfig', 'OriginProtocolPolicy') === 'https-only'
                : target(at(origin, 'OriginAccessControlId')) !== '',
          }),
        ),
      ]),
    spoil: t => {
      const config = at(properties(t, 'Console'), 'DistributionConfig', 'CacheBehaviors', 0)
      ;(config as Record<string, unknown>)['ViewerProtocolPolicy'] = 'allow-all'
    },
  },
  {
    name: 'headers policy: a content security policy that begins with nothing and lets no inline code in',
    check: t =>
      ofType(t, 'AWS::CloudFront::ResponseHeadersPolicy').flatMap(([id, policy]) => {
        const config = at(policy, 'ResponseHeadersPolicyConfig', 'SecurityHeadersConfig')
        const csp = text(at(config, 'ContentSecurityPolicy', 'ContentSecurityPolicy'))
        const names = [
          'ContentSecurityPolicy',
          'StrictTransportSecurity',
          'ContentTypeOptions',
          'FrameOptions',
        ]
        return complain(id, {
          'does not begin with nothing': csp.startsWith("default-src 'none'; "),
          'lets inline code or any host in': !/unsafe-|\*|https:(?!\/\/)|data:/.test(csp),
          'can be framed': csp.includes("frame-ancestors 'none'"),
          ...Object.fromEntries(
            [...names, 'ReferrerPolicy'].map(name => [`no ${name}`, at(config, name, 'Override') === true]),
          ),
        })
      }),
    spoil: t => {
      const config = at(
        properties(t, 'ConsoleHeaders'),
        'ResponseHeadersPolicyConfig',
        'SecurityHeadersConfig',
      )
      const csp = at(config, 'ContentSecurityPolicy') as Record<string, unknown>
      csp['ContentSecurityPolicy'] = "default-src 'none'; script-src 'unsafe-inline'"
    },
  },
  {
    name: 'a service is let into a bucket for one resource of ours only',
    check: t =>
      Object.entries(t.Resources)
        .filter(([, resource]) => resource.Type === 'AWS::S3::BucketPolicy')
        .flatMap(([id, resource]) => policyStatements(id, resource))
        .filter(s => s.effect === 'Allow' && at(s.principal, 'Service') !== undefined)
        .flatMap(s =>
          /\/\$\{\w+\}$/.test(text(at(s.condition, 'StringEquals', 'aws:SourceArn'))) ? [] : [s.where],
        ),
    spoil: t => {
      const statements = list(at(properties(t, 'ConsoleBucketPolicy'), 'PolicyDocument', 'Statement'))
      delete (statements[1] as Record<string, unknown>)['Condition']
    },
  },
]
