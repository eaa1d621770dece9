import { at, ofType, properties, type Rule, roleStatements, type Template, target } from './template.ts'

/** Prefixes that training reads or is judged by, and the one that leads there. */
const TRAINING = ['training', 'sentinel'] as const
const ADMITTED = 'field'

const roleIds = (t: Template): string[] => ofType(t, 'AWS::IAM::Role').map(([id]) => id)
/** Actions of a service that a role may take on a resource whose text fits. */
const may = (t: Template, role: string, service: string, on: (resource: string) => boolean): string[] =>
  roleStatements(role, properties(t, role))
    .filter(s => s.effect === 'Allow' && s.resources.some(on))
    .flatMap(s => s.actions)
    .filter(a => a.startsWith(`${service}:`))
const onQuarantine = (t: Template, role: string): string[] =>
  may(t, role, 'dynamodb', r => r.includes('QuarantineTable') || r.includes('-quarantine'))
const writesTo = (t: Template, role: string, ...prefixes: readonly string[]): boolean =>
  may(
    t,
    role,
    's3',
    r => prefixes.some(p => r === `\${ArtefactBucket.Arn}/${p}/*`) || !r.includes('/'),
  ).includes('s3:PutObject')
const grant = (t: Template, role: string, Action: string, Resource: unknown): void => {
  const statements = at(properties(t, role), 'Policies', 0, 'PolicyDocument', 'Statement') as unknown[]
  statements.push({ Effect: 'Allow', Action, Resource })
}
const QUARANTINE = { 'Fn::GetAtt': ['QuarantineTable', 'Arn'] }
const same = (what: string, found: readonly string[], wanted: readonly string[]): string[] =>
  String([...found].sort()) === String([...wanted].sort()) ? [] : [`${what}: ${found}, not ${wanted}`]

export const quarantineRules: readonly Rule[] = [
  {
    name: 'quarantine: only admit-samples both reads it and writes what is trained on',
    check: t =>
      same(
        'both',
        roleIds(t).filter(
          role => onQuarantine(t, role).length > 0 && writesTo(t, role, ADMITTED, ...TRAINING),
        ),
        ['AdmitSamplesRole'],
      ),
    spoil: t => grant(t, 'StartTrainingRole', 'dynamodb:Query', QUARANTINE),
  },
  {
    name: 'quarantine: no role that makes, tracks or runs a training has a statement on it',
    check: t => {
      const trainers = roleIds(t).filter(
        role =>
          writesTo(t, role, ...TRAINING) ||
          may(t, role, 'sagemaker', () => true).length > 0 ||
          role === 'SageMakerRole',
      )
      const missing = ['StartTrainingRole', 'TrackTrainingRole', 'SageMakerRole'].filter(
        r => !trainers.includes(r),
      )
      return [
        ...missing.map(role => `${role}: not looked at`),
        ...trainers.filter(role => onQuarantine(t, role).length > 0).map(role => `${role}: reaches it`),
      ]
    },
    spoil: t => grant(t, 'SageMakerRole', 'dynamodb:GetItem', QUARANTINE),
  },
  {
    name: 'quarantine: only ingest-samples, ingest-labels and ops-command write to it, and nobody scans or deletes',
    check: t => {
      const acting = roleIds(t).map(role => [role, onQuarantine(t, role)] as const)
      const reads = ['dynamodb:GetItem', 'dynamodb:Query']
      const writers = acting.filter(([, actions]) => actions.some(a => !reads.includes(a)))
      const odd = writers.flatMap(([role, actions]) =>
        actions.filter(a => ![...reads, 'dynamodb:UpdateItem'].includes(a)).map(a => `${role}: ${a}`),
      )
      return [
        ...same(
          'writers',
          writers.map(([role]) => role),
          ['IngestSamplesRole', 'IngestLabelsRole', 'OpsCommandRole'],
        ),
        ...odd,
      ]
    },
    spoil: t => grant(t, 'RequestLabelsRole', 'dynamodb:UpdateItem', QUARANTINE),
  },
  {
    name: 'admitted samples: written by admit-samples alone, which writes nothing else, and read by training’s two functions',
    check: t => {
      const field = (role: string): string[] =>
        may(t, role, 's3', r => r === `\${ArtefactBucket.Arn}/${ADMITTED}/*`)
      const written = roleStatements('AdmitSamplesRole', properties(t, 'AdmitSamplesRole'))
        .filter(s => s.actions.some(a => a.startsWith('s3:')))
        .flatMap(s => s.resources)
      return [
        ...same(
          'writers',
          roleIds(t).filter(r => field(r).includes('s3:PutObject')),
          ['AdmitSamplesRole'],
        ),
        ...same(
          'readers',
          roleIds(t).filter(r => field(r).includes('s3:GetObject')),
          ['StartTrainingRole', 'TrackTrainingRole'],
        ),
        ...same('admit-samples writes', written, [`\${ArtefactBucket.Arn}/${ADMITTED}/*`]),
      ]
    },
    spoil: t =>
      grant(t, 'AdmitSamplesRole', 's3:PutObject', { 'Fn::Sub': `\${ArtefactBucket.Arn}/training/*` }),
  },
  {
    name: 'quarantine: no stream, so that nothing starts by itself from what a device sent',
    check: t =>
      ofType(t, 'AWS::Lambda::EventSourceMapping').flatMap(([id, m]) =>
        target(m['EventSourceArn']) === 'QuarantineTable' ? [`${id}: reads its stream`] : [],
      ),
    spoil: t => {
      properties(
        t,
        Object.keys(t.Resources).find(id => t.Resources[id]?.Type === 'AWS::Lambda::EventSourceMapping') ??
          '',
      )['EventSourceArn'] = { 'Fn::GetAtt': ['QuarantineTable', 'StreamArn'] }
    },
  },
]
