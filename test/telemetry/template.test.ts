/** What the template says of archived windows is what the code writes. */
import { describe, expect, it } from 'vitest'
import { type Column, partitions, type TableName, tableNames, tables } from '../../src/contracts/telemetry.ts'
import {
  at,
  list,
  ofType,
  properties,
  readTemplate,
  roleStatements,
  target,
} from '../template-rules/template.ts'

const template = readTemplate()
const glue = new Map(
  ofType(template, 'AWS::Glue::Table').map(([, table]) => [String(at(table, 'TableInput', 'Name')), table]),
)
const pairs = (columns: unknown) => list(columns).map(c => [at(c, 'Name'), at(c, 'Type')])
const lifecycle = (id: string) =>
  list(at(properties(template, 'ArtefactBucket'), 'LifecycleConfiguration', 'Rules')).find(
    r => at(r, 'Id') === id,
  )

describe('Glue', () => {
  it('has the tables of the contract', () => {
    expect([...glue.keys()].sort()).toEqual([...tableNames].sort())
  })
  it.each(tableNames)('%s has the columns that the files have', name => {
    const columns: readonly Column[] = tables[name]
    const table = glue.get(name)
    expect(pairs(at(table, 'TableInput', 'StorageDescriptor', 'Columns'))).toEqual(
      columns.map(c => [c.name, c.type]),
    )
    expect(pairs(at(table, 'TableInput', 'PartitionKeys'))).toEqual(partitions.map(p => [p, 'string']))
  })
  it.each(tableNames)('%s computes its partitions below the folder that archive-windows writes to', name => {
    const input = at(glue.get(name), 'TableInput')
    expect(at(input, 'StorageDescriptor', 'Location')).toEqual({
      'Fn::Sub': `s3://\${ArtefactBucket}/telemetry/${name}/`,
    })
    const parameters = at(input, 'Parameters') as Record<string, string>
    expect(parameters).toMatchObject({
      'projection.enabled': 'true',
      'projection.model.type': 'injected',
      'projection.dt.type': 'date',
      'projection.dt.format': 'yyyy-MM-dd',
    })
    // Athena reads these values as text only.
    expect(Object.values(parameters).filter(v => typeof v !== 'string')).toEqual([])
    expect(parameters['storage.location.template']).toBeUndefined()
  })
})

describe('Athena', () => {
  const workgroup = at(properties(template, 'TelemetryWorkgroup'), 'WorkGroupConfiguration')
  it('queries are bounded, and nobody may choose other settings', () => {
    expect(at(workgroup, 'EnforceWorkGroupConfiguration')).toBe(true)
    expect(Number(at(workgroup, 'BytesScannedCutoffPerQuery'))).toBe(10 * 1024 ** 3)
  })
  it('results are encrypted, under a prefix that expires', () => {
    const results = at(workgroup, 'ResultConfiguration')
    expect(at(results, 'OutputLocation')).toEqual({ 'Fn::Sub': `s3://\${ArtefactBucket}/query-results/` })
    expect(at(results, 'EncryptionConfiguration', 'EncryptionOption')).toBe('SSE_S3')
    expect(lifecycle('query-results')).toMatchObject({
      Prefix: 'query-results/',
      ExpirationInDays: 7,
      Status: 'Enabled',
    })
  })
})

describe('the artefact bucket', () => {
  it('keeps archived windows as long as the table remembers that they closed', () => {
    expect(lifecycle('telemetry')).toMatchObject({
      Prefix: 'telemetry/',
      ExpirationInDays: 400,
      Status: 'Enabled',
    })
  })
  it('loses nothing else', () => {
    const rules = list(at(properties(template, 'ArtefactBucket'), 'LifecycleConfiguration', 'Rules'))
    expect(rules.map(r => at(r, 'Prefix'))).toEqual(['telemetry/', 'monitoring/', 'query-results/'])
  })
})

describe('archive-windows', () => {
  const statements = roleStatements('ArchiveWindowsRole', properties(template, 'ArchiveWindowsRole'))
  it('reads the table, writes telemetry/ and nothing else', () => {
    const beyond = statements.filter(s => s.actions.some(a => /^(s3|dynamodb):/.test(a)))
    expect(beyond.map(s => [s.actions, s.resources])).toEqual([
      [['dynamodb:GetItem', 'dynamodb:Query'], [`\${StateTable.Arn}`]],
      [['s3:PutObject'], [`\${ArtefactBucket.Arn}/telemetry/*`]],
    ])
  })
  it('alone writes there', () => {
    const writers = ofType(template, 'AWS::IAM::Role').filter(([id, role]) =>
      roleStatements(id, role).some(
        s => s.actions.includes('s3:PutObject') && s.resources.some(r => r.includes('/telemetry/')),
      ),
    )
    expect(writers.map(([id]) => id)).toEqual(['ArchiveWindowsRole'])
  })
  it('its bucket is the one of the tables', () => {
    const fn = properties(template, 'ArchiveWindowsLambdaFunction')
    expect(target(at(fn, 'Environment', 'Variables', 'ARTEFACT_BUCKET'))).toBe('ArtefactBucket')
    expect(tableNames satisfies readonly TableName[]).toHaveLength(2)
  })
})
