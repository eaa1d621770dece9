// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax of Fn::Sub
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { conditionTable } from '../../local/cfn/conditions.ts'
import { deploymentOrder } from '../../local/cfn/graph.ts'
import { noValue, resolve, type Scope } from '../../local/cfn/intrinsics.ts'
import { parameterValues } from '../../local/cfn/parameters.ts'
import { namesIn } from '../../local/cfn/sub.ts'
import { readTemplate, TemplateError } from '../../local/cfn/template.ts'

const names: Readonly<Record<string, unknown>> = {
  Stage: 'dev',
  Count: 3,
  Zones: ['a', 'b'],
  Bucket: 'the-bucket',
  'AWS::Region': 'eu-west-1',
  'AWS::NoValue': noValue,
}
const scope: Scope = {
  ref: name => names[name],
  getAtt: (id, attribute, where) => {
    if (id !== 'Bucket') throw new TemplateError(where, `no ${id}`)
    return `att:${attribute}`
  },
  condition: name => name === 'Yes',
  mappings: { Sizes: { dev: { memory: 256 } } },
}
const value = (template: unknown): unknown => resolve(template, scope, 'R.Properties.P')

describe('intrinsic functions', () => {
  it.each<[string, unknown, unknown]>([
    ['Ref', { Ref: 'Stage' }, 'dev'],
    ['Ref to a pseudo parameter', { Ref: 'AWS::Region' }, 'eu-west-1'],
    ['Fn::GetAtt as a list', { 'Fn::GetAtt': ['Bucket', 'Arn'] }, 'att:Arn'],
    ['Fn::GetAtt as a string, attribute with a dot', { 'Fn::GetAtt': 'Bucket.Outputs.X' }, 'att:Outputs.X'],
    ['Fn::GetAtt with a Ref as attribute', { 'Fn::GetAtt': ['Bucket', { Ref: 'Stage' }] }, 'att:dev'],
    [
      'Fn::Sub',
      { 'Fn::Sub': 'x-${Stage}-${Count}-${Bucket.Arn}-${AWS::Region}' },
      'x-dev-3-att:Arn-eu-west-1',
    ],
    ['Fn::Sub with a map', { 'Fn::Sub': ['${A}/${Stage}', { A: { Ref: 'Bucket' } }] }, 'the-bucket/dev'],
    ['Fn::Sub with a literal', { 'Fn::Sub': '${!iot:ClientId}/${Stage}' }, '${iot:ClientId}/dev'],
    ['Fn::Join', { 'Fn::Join': [':', ['arn', { Ref: 'Stage' }, 1]] }, 'arn:dev:1'],
    ['Fn::Join over a list', { 'Fn::Join': ['-', { Ref: 'Zones' }] }, 'a-b'],
    ['Fn::Select', { 'Fn::Select': ['1', ['x', 'y']] }, 'y'],
    ['Fn::Split inside Fn::Select', { 'Fn::Select': [2, { 'Fn::Split': ['/', 'a/b/c'] }] }, 'c'],
    ['Fn::FindInMap', { 'Fn::FindInMap': ['Sizes', { Ref: 'Stage' }, 'memory'] }, 256],
    ['Fn::Base64', { 'Fn::Base64': 'hi' }, 'aGk='],
    ['Fn::If', { 'Fn::If': ['Yes', 1, 2] }, 1],
    ['Fn::If, the other branch', { 'Fn::If': ['No', { Ref: 'Missing' }, 2] }, 2],
    ['AWS::NoValue in an object', { a: { Ref: 'AWS::NoValue' }, b: 1 }, { b: 1 }],
    ['AWS::NoValue in a list, by Fn::If', [{ 'Fn::If': ['No', 1, { Ref: 'AWS::NoValue' }] }, 2], [2]],
    [
      'plain values',
      { a: [1, true, null, 'x'], Condition: 'c' },
      { a: [1, true, null, 'x'], Condition: 'c' },
    ],
  ])('%s', (_, template, expected) => {
    expect(value(template)).toEqual(expected)
  })

  it.each<[string, unknown, string]>([
    ['an unknown name', { a: { Ref: 'Missing' } }, 'R.Properties.P.a: Ref names Missing'],
    ['an unknown name in Fn::Sub', { 'Fn::Sub': '${Missing}' }, 'Fn::Sub names Missing'],
    ['another stack', { 'Fn::ImportValue': 'x' }, 'needs another stack'],
    ['a function it does not know', [{ 'Fn::Cidr': [] }], 'R.Properties.P[0]: Fn::Cidr is not run'],
    ['a dynamic reference', '{{resolve:ssm:name}}', 'dynamic reference'],
    ['an index outside of the list', { 'Fn::Select': [2, ['x']] }, 'outside a list of 1'],
    [
      'a missing map entry',
      { 'Fn::FindInMap': ['Sizes', 'prod', 'memory'] },
      'finds nothing at Sizes.prod.memory',
    ],
    ['an object in Fn::Join', { 'Fn::Join': ['', [{ a: 1, b: 2 }]] }, 'can only take strings'],
    ['no value where one is needed', { Ref: 'AWS::NoValue' }, 'one is needed'],
  ])('names the place of %s', (_, template, message) => {
    expect(() => value(template)).toThrow(message)
  })

  const word = fc.stringMatching(/^[^${}]*$/)
  it('Fn::Sub of texts between references is Fn::Join of the same parts', () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), texts => {
        const sub = value({ 'Fn::Sub': texts.join('${Stage}') })
        const join = value({ 'Fn::Join': [{ Ref: 'Stage' }, texts] })
        expect(sub).toBe(join)
      }),
    )
  })
  it('Fn::Split takes apart what Fn::Join put together', () => {
    const part = fc.string().map(text => text.replaceAll(';', ''))
    fc.assert(
      fc.property(fc.array(part, { minLength: 1 }), parts => {
        expect(value({ 'Fn::Split': [';', { 'Fn::Join': [';', parts] }] })).toEqual(parts)
      }),
    )
  })
  it('escaped names stay as they are and count as no reference', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\w:.]+$/), name => {
        expect(value({ 'Fn::Sub': `\${!${name}}` })).toBe(`\${${name}}`)
        expect(namesIn(`\${!${name}}`)).toEqual([])
      }),
    )
  })
  it('leaves any JSON without intrinsic functions untouched', () => {
    const safe = fc
      .jsonValue({ maxDepth: 4 })
      .filter(json => !/"(Ref|Fn::|Condition)|resolve:/.test(JSON.stringify(json)))
    fc.assert(
      fc.property(safe, json => {
        expect(JSON.stringify(value(json))).toBe(JSON.stringify(json))
      }),
    )
  })
})

describe('conditions', () => {
  const table = conditionTable(
    {
      Prod: { 'Fn::Equals': [{ Ref: 'Stage' }, 'prod'] },
      Three: { 'Fn::Equals': [{ Ref: 'Count' }, '3'] },
      Both: { 'Fn::And': [{ Condition: 'Three' }, { 'Fn::Not': [{ Condition: 'Prod' }] }] },
      Either: { 'Fn::Or': [{ Condition: 'Prod' }, { Condition: 'Both' }] },
      Loop: { 'Fn::Not': [{ Condition: 'Loop' }] },
      Wrong: { 'Fn::Xor': [1] },
    },
    condition => ({ ...scope, condition }),
  )
  it.each([
    ['Prod', false],
    ['Three', true],
    ['Both', true],
    ['Either', true],
  ])('%s is %s', (name, expected) => expect(table(name, 'x')).toBe(expected))
  it.each([
    ['Loop', 'refers to itself: Loop -> Loop'],
    ['Wrong', 'Fn::Xor is not a condition function'],
    ['None', 'there is no condition None'],
  ])('%s is refused', (name, message) => expect(() => table(name, 'R')).toThrow(message))
})

describe('parameters', () => {
  it('takes given values before defaults, and types them', () => {
    const values = parameterValues(
      {
        A: { Type: 'String', Default: 'a' },
        B: { Type: 'Number', Default: '5', MinValue: 1 },
        C: { Type: 'CommaDelimitedList', Default: 'x, y' },
      },
      { A: 'b' },
    )
    expect(Object.fromEntries(values)).toEqual({ A: 'b', B: 5, C: ['x', 'y'] })
  })
  it.each<[string, Record<string, unknown>, Record<string, string>, string]>([
    ['a missing value', { Type: 'String' }, {}, 'parameter P: has no default; pass a value'],
    ['an undeclared value', { Type: 'String', Default: '' }, { Q: '1' }, 'parameter Q: a value was given'],
    [
      'a value that is not allowed',
      { Type: 'String', AllowedValues: ['a'] },
      { P: 'b' },
      '"b" is not one of a',
    ],
    [
      'a value of the wrong form',
      { Type: 'String', AllowedPattern: '[a-z]+' },
      { P: 'a1' },
      'allowed pattern',
    ],
    [
      'a secret of the wrong form, without saying it',
      { Type: 'String', AllowedPattern: '[a-z]+', NoEcho: true },
      { P: 'a1' },
      'parameter P: (not shown: NoEcho) does not match',
    ],
    ['a number out of range', { Type: 'Number', MaxValue: 3 }, { P: '4' }, 'is not between'],
    ['text for a number', { Type: 'Number' }, { P: 'x' }, '"x" is not a number'],
    ['a value from SSM', { Type: 'AWS::SSM::Parameter::Value<String>' }, { P: '/x' }, 'use String'],
  ])('refuses %s', (_, declared, given, message) => {
    expect(() => parameterValues({ P: declared }, given)).toThrow(message)
  })
})

describe('the order of resources', () => {
  const order = (resources: Record<string, unknown>, condition = (_: string): boolean => true) =>
    deploymentOrder(readTemplate({ Resources: resources, Conditions: {} }), condition)
  const on = (...references: unknown[]) => ({ Type: 'T', Properties: { references } })

  it('puts every resource after what it refers to, by whatever function', () => {
    const resources = {
      A: on({ 'Fn::Sub': ['${B.Arn}${X}', { X: { Ref: 'C' } }] }),
      B: on({ 'Fn::GetAtt': ['D', 'Arn'] }),
      C: { Type: 'T', DependsOn: ['D', 'E'] },
      D: on({ 'Fn::Join': ['', [{ Ref: 'E' }]] }),
      E: on({ 'Fn::GetAtt': 'F.Arn' }, { Ref: 'Parameter' }),
      F: { Type: 'T' },
    }
    expect(order(resources)).toEqual(['F', 'E', 'D', 'B', 'C', 'A'])
  })
  it('leaves out resources whose condition is false, and follows only the branch taken', () => {
    const resources = {
      A: on({ 'Fn::If': ['Never', { Ref: 'B' }, { Ref: 'C' }] }),
      B: { Type: 'T', Condition: 'Never', DependsOn: 'A' },
      C: { Type: 'T', DependsOn: 'B' },
    }
    expect(order(resources, () => false)).toEqual(['C', 'A'])
  })
  it('names a cycle, and a dependency that does not exist', () => {
    expect(() =>
      order({ A: on({ Ref: 'B' }), B: on({ 'Fn::Sub': '${C}' }), C: { Type: 'T', DependsOn: 'A' } }),
    ).toThrow('circular dependency: A -> B -> C -> A')
    expect(() => order({ A: { Type: 'T', DependsOn: 'Z' } })).toThrow('A.DependsOn: there is no resource Z')
  })
  it('holds for any acyclic graph', () => {
    const graph = fc.array(fc.array(fc.nat(9), { maxLength: 4 }), { minLength: 1, maxLength: 10 })
    fc.assert(
      fc.property(graph, edges => {
        const resources = Object.fromEntries(
          edges.map((targets, i) => [
            `R${i}`,
            on(...targets.filter(t => t < i).map(t => ({ Ref: `R${t}` }))),
          ]),
        )
        const shuffled = Object.fromEntries(Object.entries(resources).reverse())
        const found = order(shuffled)
        expect(found).toHaveLength(edges.length)
        edges.forEach((targets, i) => {
          for (const t of targets)
            if (t < i) expect(found.indexOf(`R${t}`)).toBeLessThan(found.indexOf(`R${i}`))
        })
      }),
    )
  })
})

describe('reading a template', () => {
  it.each<[unknown, string]>([
    [[], 'template: must be an object'],
    [{ Resources: {} }, 'Resources: the template has none'],
    [{ Resources: { A: {} } }, 'A: Type must be a string'],
    [{ Resources: { A: { Type: 'T', Properties: [] } } }, 'A.Properties: must be an object'],
    [
      { Resources: { A: { Type: 'T' } }, Transform: 'AWS::Serverless-2016-10-31' },
      'Transform: this section is not run',
    ],
    [{ Resources: { A: { Type: 'T' } }, Outputs: { O: {} } }, 'Outputs.O: Value is missing'],
  ])('%j is refused: %s', (template, message) => {
    expect(() => readTemplate(template)).toThrow(message)
  })
})
