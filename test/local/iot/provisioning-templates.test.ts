// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax of Fn::Sub
import {
  CreateProvisioningClaimCommand,
  CreateProvisioningTemplateCommand,
  DeleteProvisioningTemplateCommand,
  DescribeProvisioningTemplateCommand,
  ListProvisioningTemplatesCommand,
  UpdateProvisioningTemplateCommand,
} from '@aws-sdk/client-iot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { evaluateTemplate } from '../../../local/iot/provisioning/evaluate.ts'
import { readTemplateBody } from '../../../local/iot/provisioning/template-body.ts'
import { HOOK, ROLE, TEMPLATE_BODY } from './provisioning-support.ts'
import { ACCOUNT, arn, type Lab, openLab } from './support.ts'

const CERTIFICATE = 'c'.repeat(64)
const roleArn = `arn:aws:iam::${ACCOUNT}:role/${ROLE}`

describe('the control plane', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await openLab()
  })
  afterAll(() => lab.close())
  const input = (templateName: string) => ({
    templateName,
    templateBody: JSON.stringify(TEMPLATE_BODY),
    provisioningRoleArn: roleArn,
  })

  it('creates, describes, changes, lists and deletes templates', async () => {
    const { control } = lab
    expect(
      await control.send(
        new CreateProvisioningTemplateCommand({
          ...input('one'),
          description: 'of the north',
          preProvisioningHook: { targetArn: HOOK },
        }),
      ),
    ).toMatchObject({
      templateArn: arn('provisioningtemplate', 'one'),
      templateName: 'one',
      defaultVersionId: 1,
    })
    expect(lab.authorized.slice(-2)).toEqual([
      { action: 'iot:CreateProvisioningTemplate', resource: arn('provisioningtemplate', 'one') },
      {
        action: 'iam:PassRole',
        resource: roleArn,
        context: { 'iam:PassedToService': 'iot.amazonaws.com' },
      },
    ])
    const describe = () => control.send(new DescribeProvisioningTemplateCommand({ templateName: 'one' }))
    expect(await describe()).toMatchObject({
      templateArn: arn('provisioningtemplate', 'one'),
      description: 'of the north',
      enabled: false,
      provisioningRoleArn: roleArn,
      templateBody: JSON.stringify(TEMPLATE_BODY),
      preProvisioningHook: { targetArn: HOOK, payloadVersion: '2020-04-01' },
      type: 'FLEET_PROVISIONING',
      creationDate: expect.any(Date),
    })
    await control.send(
      new UpdateProvisioningTemplateCommand({
        templateName: 'one',
        enabled: true,
        removePreProvisioningHook: true,
      }),
    )
    const changed = await describe()
    expect(changed).toMatchObject({ enabled: true, description: 'of the north' })
    expect(changed.preProvisioningHook).toBeUndefined()
    await control.send(new CreateProvisioningTemplateCommand(input('two')))
    const first = await control.send(new ListProvisioningTemplatesCommand({ maxResults: 1 }))
    expect(first.templates?.map(({ templateName }) => templateName)).toEqual(['one'])
    const rest = await control.send(
      new ListProvisioningTemplatesCommand(first.nextToken ? { nextToken: first.nextToken } : {}),
    )
    expect(rest.templates?.map(({ templateName }) => templateName)).toEqual(['two'])
    await control.send(new DeleteProvisioningTemplateCommand({ templateName: 'one' }))
    await expect(describe()).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
    await expect(control.send(new CreateProvisioningTemplateCommand(input('two')))).rejects.toMatchObject({
      name: 'ResourceAlreadyExistsException',
    })
  })

  it.each([
    ['a name', { templateName: 'a b' }, /templateName must match/],
    ['a body', { templateBody: '{' }, /templateBody is not JSON/],
    ['a role', { provisioningRoleArn: 'arn:aws:iam::123456789012:user/u' }, /ARN of an IAM role/],
    ['a type', { type: 'JITP' as const }, /JITP is not run/],
    ['a hook', { preProvisioningHook: { targetArn: 'fn' } }, /targetArn must be the ARN of a Lambda/],
    [
      'a hook of another version',
      { preProvisioningHook: { targetArn: HOOK, payloadVersion: '2019-01-01' } },
      /payloadVersion must be 2020-04-01/,
    ],
  ])('refuses %s that AWS IoT does not take', async (_what, wrong, message) => {
    const sending = lab.control.send(new CreateProvisioningTemplateCommand({ ...input('bad'), ...wrong }))
    await expect(sending).rejects.toMatchObject({
      name: 'InvalidRequestException',
      message: expect.stringMatching(message),
    })
  })

  it('answers 501 to what it does not implement', async () => {
    await expect(
      lab.control.send(new CreateProvisioningClaimCommand({ templateName: 'two' })),
    ).rejects.toMatchObject({ message: expect.stringMatching(/CreateProvisioningClaim is not implemented/) })
  })
})

const body = (change: Record<string, unknown> = {}, resources: Record<string, unknown> = {}) =>
  JSON.stringify({ ...TEMPLATE_BODY, Resources: { ...TEMPLATE_BODY.Resources, ...resources }, ...change })
const certificate = (properties: unknown) => ({
  certificate: { Type: 'AWS::IoT::Certificate', Properties: properties },
})
const thing = (properties: unknown, rest = {}) => ({
  thing: { Type: 'AWS::IoT::Thing', Properties: properties, ...rest },
})
const ID = { Ref: 'AWS::IoT::Certificate::Id' }

describe('a template body', () => {
  it.each([
    ['a section', body({ Conditions: {} }), /templateBody\.Conditions is not run/],
    ['a parameter that is no string', body({ Parameters: { A: { Type: 'Number' } } }), /Parameters\.A\.Type/],
    [
      'a default that is no string',
      body({ Parameters: { A: { Type: 'String', Default: 1 } } }),
      /A\.Default/,
    ],
    [
      'no parameter for a Ref',
      body({}, thing({ ThingName: { Ref: 'Name' } })),
      /"Name", which is not in Param/,
    ],
    ['no parameter for a Sub', body({}, thing({ ThingName: { 'Fn::Sub': 'a-${Name}' } })), /"Name", which/],
    [
      'a function',
      body({}, thing({ ThingName: { 'Fn::GetAtt': ['a', 'b'] } })),
      /Fn::GetAtt is not a function/,
    ],
    ['a type', body({}, { x: { Type: 'AWS::IoT::Job' } }), /Resources\.x\.Type must be one of/],
    ['a property', body({}, thing({ ThingName: 'a', ThingGroups: ['g'] })), /ThingGroups is not run/],
    ['no name for the thing', body({}, thing({})), /ThingName is missing/],
    ['two things', body({}, { again: TEMPLATE_BODY.Resources.thing }), /more than one AWS::IoT::Thing/],
    ['no certificate', body({ Resources: thing({ ThingName: 'a' }) }), /exactly one AWS::IoT::Certificate/],
    ['no certificate id', body({}, certificate({ Status: 'ACTIVE' })), /CertificateId is missing/],
    [
      'a setting',
      body({}, thing({ ThingName: 'a' }, { OverrideSettings: { ThingTypeName: 'MERGE' } })),
      /OverrideSettings\.ThingTypeName must be one of DO_NOTHING, REPLACE, FAIL/,
    ],
    [
      'a policy by name and document',
      body(
        {},
        { policy: { Type: 'AWS::IoT::Policy', Properties: { PolicyName: 'a', PolicyDocument: '{}' } } },
      ),
      /either PolicyName or PolicyDocument/,
    ],
    ['no resources', body({ Resources: undefined }), /Resources must be an object/],
    ['too many characters', body({ DeviceConfiguration: { a: 'x'.repeat(10_240) } }), /at most 10240/],
  ])('with %s that cannot be is refused', (_what, text, message) => {
    expect(() => readTemplateBody(text)).toThrow(message)
  })
})

describe('evaluation', () => {
  const parameters = { SerialNumber: 'sn-1', Hardware: 'pi4,arm64' }
  const desired = (
    change: Record<string, unknown>,
    resources: Record<string, unknown> = {},
    given = parameters,
  ) => evaluateTemplate(readTemplateBody(body(change, resources)), given, CERTIFICATE)

  it('knows Join, Select, Split, Sub and FindInMap', () => {
    const Mappings = { Urls: { north: { url: 'https://north.example' } } }
    const DeviceConfiguration = {
      join: { 'Fn::Join': ['-', ['a', { Ref: 'SerialNumber' }]] },
      select: { 'Fn::Select': ['1', { 'Fn::Split': [',', { Ref: 'Hardware' }] }] },
      sub: { 'Fn::Sub': '${Fleet}/${AWS::IoT::Certificate::Id}/${!literal}' },
      subMap: { 'Fn::Sub': ['${X}!', { X: { Ref: 'Fleet' } }] },
      map: { 'Fn::FindInMap': ['Urls', { Ref: 'Fleet' }, 'url'] },
      nested: { list: [1, true, { Ref: 'Fleet' }] },
    }
    expect(desired({ Mappings, DeviceConfiguration }).deviceConfiguration).toEqual({
      join: 'a-sn-1',
      select: 'arm64',
      sub: `north/${CERTIFICATE}/\${literal}`,
      subMap: 'north!',
      map: 'https://north.example',
      nested: { list: [1, true, 'north'] },
    })
  })

  it('takes Active for ACTIVE and a non-exclusive attachment by default', () => {
    expect(desired({}, certificate({ CertificateId: ID, Status: 'Active' }))).toMatchObject({
      status: 'ACTIVE',
      thingPrincipalType: 'NON_EXCLUSIVE_THING',
    })
    expect(desired({}, certificate({ CertificateId: ID, Status: 'INACTIVE' })).status).toBe('INACTIVE')
  })

  it.each([
    [
      'a certificate that is not its own',
      {},
      certificate({ CertificateId: 'a'.repeat(64) }),
      /CertificateId must be/,
    ],
    [
      'a status',
      {},
      certificate({ CertificateId: ID, Status: 'REVOKED' }),
      /Status must be ACTIVE or INACTIVE/,
    ],
    [
      'a principal type',
      {},
      certificate({ CertificateId: ID, ThingPrincipalType: 'X' }),
      /ThingPrincipalType/,
    ],
    [
      'an attribute',
      {},
      thing({ ThingName: 'a', AttributePayload: { a: 1 } }),
      /AttributePayload must be a map/,
    ],
    ['a name', {}, thing({ ThingName: ['a'] }), /ThingName must be a string/],
    [
      'an index',
      { DeviceConfiguration: { a: { 'Fn::Select': ['2', { 'Fn::Split': [',', { Ref: 'Hardware' }] }] } } },
      {},
      /DeviceConfiguration\.a: Fn::Select index 2 is outside/,
    ],
  ])('fails for %s that cannot be', (_what, change, resources, message) => {
    expect(() => desired(change, resources)).toThrow(message)
  })

  it.each(['__proto__', 'constructor', 'toString'])('finds nothing in a map under %s', key => {
    const Mappings = { Urls: { north: { url: 'u' } } }
    const DeviceConfiguration = {
      a: { 'Fn::FindInMap': ['Urls', { Ref: 'Hardware' }, { Ref: 'SerialNumber' }] },
    }
    const given = { Hardware: key, SerialNumber: key }
    expect(() => desired({ Mappings, DeviceConfiguration }, {}, given)).toThrow(/Fn::FindInMap finds nothing/)
  })

  it('fills in the id of the certificate itself, also where a template declares it', () => {
    const id = 'AWS::IoT::Certificate::Id'
    const change = {
      Parameters: { ...TEMPLATE_BODY.Parameters, [id]: { Type: 'String' } },
      DeviceConfiguration: { id: ID },
    }
    for (const given of [parameters, { ...parameters, [id]: 'a'.repeat(64) }])
      expect(desired(change, {}, given).deviceConfiguration).toEqual({ id: CERTIFICATE })
  })

  it('takes no parameter from the prototype of what a device sends', () => {
    const Parameters = { ...TEMPLATE_BODY.Parameters, toString: { Type: 'String' } }
    expect(() => desired({ Parameters })).toThrow(/parameter toString is missing/)
  })
})
