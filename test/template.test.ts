/** Every rule over every resource of its kind in the packaged template, and AWS's own validator. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { describe as inWords, validateTemplate } from '../scripts/check-template.ts'
import { accessRules } from './template-rules/access.ts'
import { alarmRules } from './template-rules/alarms.ts'
import { deliveryRules } from './template-rules/delivery.ts'
import { functionRules } from './template-rules/functions.ts'
import { keyRules } from './template-rules/keys.ts'
import { operatorRules } from './template-rules/operators.ts'
import { quarantineRules } from './template-rules/quarantine.ts'
import { ofType, properties, readTemplate } from './template-rules/template.ts'

const template = readTemplate()

describe.each([
  ['functions', functionRules],
  ['delivery', deliveryRules],
  ['access and storage', accessRules],
  ['keys', keyRules],
  ['field samples', quarantineRules],
  ['operators', operatorRules],
  ['alarms', alarmRules],
] as const)('%s', (_, rules) => {
  it.each(rules)('$name', ({ check }) => {
    expect(check(template)).toEqual([])
  })
  it.each(rules)('a template that breaks it is seen: $name', ({ check, spoil }) => {
    const spoilt = structuredClone(template)
    spoil(spoilt)
    expect(check(spoilt).length).toBeGreaterThan(check(template).length)
  })
})

describe('the rules have something to look at', () => {
  it.each([
    ['AWS::Lambda::Function', 24],
    ['AWS::Events::Rule', 20],
    ['AWS::SQS::Queue', 12],
    ['AWS::Lambda::EventSourceMapping', 6],
    ['AWS::IoT::TopicRule', 8],
    ['AWS::CloudWatch::Alarm', 40],
    ['AWS::KMS::Key', 4],
    ['AWS::S3::Bucket', 3],
    ['AWS::DynamoDB::Table', 2],
    ['AWS::IoT::Policy', 1],
    ['AWS::Cognito::UserPoolClient', 3],
    ['AWS::CloudFront::Distribution', 1],
  ])('%s: at least %d', (type, least) => {
    expect(ofType(template, type).length).toBeGreaterThanOrEqual(least)
  })
})

describe('@aws/cloudformation-validate', () => {
  it('finds no error in the packaged template', () => {
    const { errors, outdated } = validateTemplate()
    expect(errors.map(inWords)).toEqual([])
    expect(outdated).toEqual([])
  })
  it('would find one', () => {
    const dir = mkdtempSync(join(tmpdir(), 'template-'))
    try {
      const spoilt = structuredClone(template)
      properties(spoilt, 'ReportsQueue')['VisibilityTimeout'] = 'soon'
      properties(spoilt, 'ReportsQueue')['Visibility'] = 180
      const file = join(dir, 'template.json')
      writeFileSync(file, JSON.stringify(spoilt))
      expect(validateTemplate(file).errors.map(d => d.entity?.logicalId)).toContain('ReportsQueue')
    } finally {
      rmSync(dir, { recursive: true })
    }
  })
})
