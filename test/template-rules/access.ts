import {
  allStatements,
  at,
  list,
  ofType,
  policyStatements,
  properties,
  type Rule,
  type Statement,
  type Template,
  target,
  text,
} from './template.ts'

/** Actions that AWS offers no resource-level permission for. Everything else names what it works on. */
const WITHOUT_RESOURCE = [
  'xray:PutTraceSegments',
  'xray:PutTelemetryRecords',
  'dynamodb:ListStreams',
  'ecr:GetAuthorizationToken',
  'iot:AttachThingPrincipal',
] as const
/** All things of a kind, where a function serves every device and learns the name only from the message. */
const THINGS = /:thing\/\*$/
const CERTIFICATES = /:cert\/\*$/
const OF_A_KIND: Readonly<Record<string, RegExp>> = {
  'iot:DescribeThing': THINGS,
  'iot:CreateThing': THINGS,
  'iot:UpdateThing': THINGS,
  'iot:ListThingPrincipals': THINGS,
  'iot:DescribeCertificate': CERTIFICATES,
  'iot:UpdateCertificate': CERTIFICATES,
  'iot:AttachPolicy': CERTIFICATES,
}
const isKeyPolicy = (t: Template, s: Statement): boolean =>
  t.Resources[s.where.split(' ')[0] ?? '']?.Type === 'AWS::KMS::Key'
/** “Nothing without TLS”: a denial may, and here must, name everything. */
const isTlsDenial = (s: Statement): boolean =>
  s.effect === 'Deny' && String(at(s.condition, 'Bool', 'aws:SecureTransport')) === 'false'

const roles = (t: Template) => ofType(t, 'AWS::IAM::Role')
const grant = (t: Template, role: string, extra: Record<string, unknown>): void => {
  const statements = at(properties(t, role), 'Policies', 0, 'PolicyDocument', 'Statement') as unknown[]
  statements.push({ Effect: 'Allow', ...extra })
}

export const accessRules: readonly Rule[] = [
  {
    name: 'no wildcard in an action',
    check: t =>
      allStatements(t)
        .filter(s => !isTlsDenial(s))
        .flatMap(s => s.actions.filter(a => /[*?]/.test(a)).map(a => `${s.where}: ${a}`)),
    spoil: t =>
      grant(t, 'ReconcileRole', { Action: 'dynamodb:*', Resource: { 'Fn::GetAtt': ['StateTable', 'Arn'] } }),
  },
  {
    name: 'every resource is named, except for actions that know no resource; in a key policy `*` is the key itself',
    check: t =>
      allStatements(t)
        .filter(s => !isTlsDenial(s) && !isKeyPolicy(t, s))
        .flatMap(s => {
          const open = s.resources.filter(r => /^(\*|arn(:[^:]*){4}:([^:/]+[:/])?\*)$/.test(withoutSubs(r)))
          const wrong = s.actions.filter(
            a => !WITHOUT_RESOURCE.some(known => known === a) && open.some(r => !OF_A_KIND[a]?.test(r)),
          )
          return wrong.map(a => `${s.where}: ${a} on ${s.resources}`)
        }),
    spoil: t => grant(t, 'ReconcileRole', { Action: 'dynamodb:Scan', Resource: '*' }),
  },
  {
    name: 'nothing is given by NotAction, NotResource, managed policies or to everybody',
    check: t => [
      ...Object.entries(t.Resources).flatMap(([id, r]) =>
        /"Not(Action|Resource|Principal)"/.test(JSON.stringify(r)) ? [`${id}: Not…`] : [],
      ),
      ...roles(t).flatMap(([id, r]) =>
        list(r['ManagedPolicyArns']).length > 0 ? [`${id}: managed policy`] : [],
      ),
      ...allStatements(t)
        .filter(s => s.effect === 'Allow' && /"\*"/.test(JSON.stringify(s.principal ?? null)))
        .map(s => `${s.where}: allowed to everybody`),
    ],
    spoil: t => {
      properties(t, 'ReconcileRole')['ManagedPolicyArns'] = ['arn:aws:iam::aws:policy/ReadOnlyAccess']
    },
  },
  {
    name: 'a role is passed to one service by name',
    check: t =>
      allStatements(t)
        .filter(s => s.actions.includes('iam:PassRole'))
        .flatMap(s =>
          s.resources.every(r => target(r) === 'SageMakerRole') &&
          at(s.condition, 'StringEquals', 'iam:PassedToService') === 'sagemaker.amazonaws.com'
            ? []
            : [`${s.where}: ${s.resources}`],
        ),
    spoil: t =>
      grant(t, 'ReconcileRole', {
        Action: 'iam:PassRole',
        Resource: { 'Fn::GetAtt': ['SageMakerRole', 'Arn'] },
      }),
  },
  {
    name: 'a device is confined to its own topics and its fleet’s, a claim to enrolling; nobody retains',
    check: t =>
      Object.entries(t.Resources)
        .filter(([, r]) => r.Type === 'AWS::IoT::Policy')
        .flatMap(([id, r]) => policyStatements(id, r).map(s => ({ s, may: MAY[id] ?? {} })))
        .flatMap(({ s, may }) =>
          s.resources.flatMap(resource => {
            const tail = /:(client|topic|topicfilter)\/(.*)$/.exec(resource)
            const allowed = tail?.[1] ? may[`${s.actions} ${tail[1]}`] : undefined
            if (allowed === undefined || !allowed.test(tail?.[2] ?? ''))
              return [`${s.where}: ${s.actions} ${resource}`]
            if (String(s.actions) !== 'iot:Connect' || may === CLAIM) return []
            return at(s.condition, 'Bool', 'iot:Connection.Thing.IsAttached') === 'true'
              ? []
              : [`${s.where}: connects without being attached`]
          }),
        ),
    spoil: t => {
      const publish = at(properties(t, 'DevicePolicy'), 'PolicyDocument', 'Statement', 1) as Record<
        string,
        unknown
      >
      publish['Resource'] = {
        'Fn::Sub': `arn:\${AWS::Partition}:iot:\${AWS::Region}:\${AWS::AccountId}:topic/edgeloop/v1/*/up/hello`,
      }
    },
  },
  {
    name: 'bucket: encrypted, TLS only, closed to the public; ours versioned, kept on deletion and owner-enforced',
    check: t =>
      ofType(t, 'AWS::S3::Bucket').flatMap(([id, bucket]) => {
        const problems = []
        if (list(at(bucket, 'BucketEncryption', 'ServerSideEncryptionConfiguration')).length === 0)
          problems.push('not encrypted')
        const tls = ofType(t, 'AWS::S3::BucketPolicy')
          .filter(([, p]) => target(p['Bucket']) === id)
          .flatMap(([policy]) =>
            policyStatements(policy, t.Resources[policy] as Template['Resources'][string]),
          )
          .some(s => isTlsDenial(s) && s.actions.includes('s3:*') && s.resources.length === 2)
        if (!tls) problems.push('reachable without TLS')
        for (const flag of [
          'BlockPublicAcls',
          'BlockPublicPolicy',
          'IgnorePublicAcls',
          'RestrictPublicBuckets',
        ])
          if (at(bucket, 'PublicAccessBlockConfiguration', flag) !== true) problems.push(`${flag} is not set`)
        // The packager's own bucket holds bundles only, which every packaging makes again.
        if (id !== 'ServerlessDeploymentBucket') {
          if (at(bucket, 'VersioningConfiguration', 'Status') !== 'Enabled') problems.push('not versioned')
          if (at(bucket, 'OwnershipControls', 'Rules', 0, 'ObjectOwnership') !== 'BucketOwnerEnforced')
            problems.push('ACLs are possible')
          if (t.Resources[id]?.DeletionPolicy !== 'Retain') problems.push('goes with the stack')
        }
        return problems.map(p => `${id}: ${p}`)
      }),
    spoil: t => {
      delete properties(t, 'ArtefactBucket')['VersioningConfiguration']
    },
  },
  {
    name: 'table: point-in-time recovery, encryption, time to live; kept on deletion; a stream of the one with the outbox',
    check: t =>
      ofType(t, 'AWS::DynamoDB::Table').flatMap(([id, table]) => {
        const has = {
          PITR: at(table, 'PointInTimeRecoverySpecification', 'PointInTimeRecoveryEnabled') === true,
          SSE: at(table, 'SSESpecification', 'SSEEnabled') === true,
          TTL: at(table, 'TimeToLiveSpecification', 'Enabled') === true,
          stream: id !== 'StateTable' || at(table, 'StreamSpecification', 'StreamViewType') === 'NEW_IMAGE',
          'deletion policy': t.Resources[id]?.DeletionPolicy === 'Retain',
        }
        return Object.entries(has).flatMap(([what, ok]) => (ok ? [] : [`${id}: no ${what}`]))
      }),
    spoil: t => {
      delete properties(t, 'StateTable')['PointInTimeRecoverySpecification']
    },
  },
  {
    name: 'output: described or the packager’s own, and exported under a name',
    check: t =>
      Object.entries(t.Outputs).flatMap(([id, output]) => {
        const name = text(at(output, 'Export', 'Name') ?? '')
        if (name === '') return [`${id}: not exported`]
        return output['Description'] || name.startsWith('sls-') ? [] : [`${id}: no description`]
      }),
    spoil: t => {
      delete t.Outputs['ApiUrl']?.['Export']
    },
  },
]

/** What a device may do, by action and kind of resource: the rest of the ARN. */
const own = 'edgeloop/v1/\\$\\{!iot:Connection\\.Thing\\.ThingName\\}'
const fleet =
  'edgeloop/v1/fleet/\\$\\{!iot:Connection\\.Thing\\.Attributes\\[fleet\\]\\}/(manifest|beacon)|edgeloop/v1/trust'
type May = Readonly<Record<string, RegExp>>
const DEVICE: May = {
  'iot:Connect client': /^\$\{!iot:Connection\.Thing\.ThingName\}$/,
  'iot:Publish topic': new RegExp(`^${own}/up/[a-z]+$`),
  'iot:Subscribe topicfilter': new RegExp(`^(${own}/down/#|${fleet})$`),
  'iot:Receive topic': new RegExp(`^(${own}/down/\\*|${fleet})$`),
}
const enrolling =
  '\\$aws/(certificates/create-from-csr|provisioning-templates/edgeloop-dev-device/provision)/json'
const CLAIM: May = {
  'iot:Connect client': /^enrol\.\*$/,
  'iot:Publish topic': new RegExp(`^${enrolling}$`),
  'iot:Subscribe topicfilter': new RegExp(`^${enrolling}/(accepted|rejected)$`),
  'iot:Receive topic': new RegExp(`^${enrolling}/(accepted|rejected)$`),
}
const MAY: Readonly<Record<string, May>> = { DevicePolicy: DEVICE, ClaimPolicy: CLAIM }
const withoutSubs = (arn: string): string => arn.replaceAll(/\$\{[^}]*\}/g, 'x')
