import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AttachPolicyCommand,
  AttachThingPrincipalCommand,
  CreateCertificateFromCsrCommand,
  CreateKeysAndCertificateCommand,
  CreatePolicyCommand,
  CreateThingCommand,
  CreateThingGroupCommand,
  CreateThingTypeCommand,
  DeleteCertificateCommand,
  DeleteThingCommand,
  DescribeCertificateCommand,
  DescribeEndpointCommand,
  DescribeThingCommand,
  DescribeThingTypeCommand,
  DetachPolicyCommand,
  DetachThingPrincipalCommand,
  GetPolicyCommand,
  GetTopicRuleCommand,
  ListAttachedPoliciesCommand,
  ListCertificatesCommand,
  ListPoliciesCommand,
  ListPrincipalThingsCommand,
  ListThingPrincipalsCommand,
  ListThingsCommand,
  ListTopicRulesCommand,
  UpdateCertificateCommand,
  UpdateThingCommand,
} from '@aws-sdk/client-iot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allow, allowEverything, arn, type Lab, openLab } from './support.ts'

// A P-256 request for CN=sensor-7, made once with openssl; its key is of no use to anybody.
const CSR = `-----BEGIN CERTIFICATE REQUEST-----
MIHNMHUCAQAwEzERMA8GA1UEAwwIc2Vuc29yLTcwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASvEP/T4kgaUoZU8/NvQcsRaqrQW4xmholTAZg2Sz2wS4aecomBQgDG
u7zt0dRGhMjqqz/1zp17/VtiNlRq2vifoAAwCgYIKoZIzj0EAwIDSAAwRQIgfXPC
AA09+BGHe3FJPrfgkfqAILXEMJgsd0yp4VjvXc0CIQCV6jVw9AhWlUc2Wj69Tspf
rTMUAvrmvmQ+HeyPrWpPcQ==
-----END CERTIFICATE REQUEST-----
`

let lab: Lab
beforeAll(async () => {
  lab = await openLab()
  allowEverything(lab.iot)
})
afterAll(() => lab.close())

const failure = async (
  sending: Promise<unknown>,
): Promise<{ name: string; status: number; message: string }> => {
  const error = await sending.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  const { name, message, $metadata } = error as Error & { $metadata: { httpStatusCode: number } }
  return { name, message, status: $metadata.httpStatusCode }
}

describe('things', () => {
  it('are made, read, changed and deleted', async () => {
    const { control } = lab
    await control.send(new CreateThingTypeCommand({ thingTypeName: 'gateway' }))
    const input = {
      thingName: 'thing:1',
      thingTypeName: 'gateway',
      attributePayload: { attributes: { site: 'north', rack: '4' } },
    }
    const made = await control.send(new CreateThingCommand(input))
    expect(made).toMatchObject({ thingName: 'thing:1', thingArn: arn('thing', 'thing:1') })
    // The same content again is the same thing; other content is a conflict.
    expect((await control.send(new CreateThingCommand(input))).thingId).toBe(made.thingId)
    expect(await failure(control.send(new CreateThingCommand({ thingName: 'thing:1' })))).toMatchObject({
      name: 'ResourceAlreadyExistsException',
      status: 409,
    })
    await control.send(
      new UpdateThingCommand({
        thingName: 'thing:1',
        attributePayload: { attributes: { rack: '', row: '2' }, merge: true },
        expectedVersion: 1,
      }),
    )
    expect(await control.send(new DescribeThingCommand({ thingName: 'thing:1' }))).toMatchObject({
      thingId: made.thingId,
      thingTypeName: 'gateway',
      attributes: { site: 'north', row: '2' },
      version: 2,
      defaultClientId: 'thing:1',
    })
    expect(
      await failure(control.send(new UpdateThingCommand({ thingName: 'thing:1', expectedVersion: 1 }))),
    ).toMatchObject({ name: 'VersionConflictException', status: 409 })
    await control.send(new UpdateThingCommand({ thingName: 'thing:1', removeThingType: true }))
    expect(
      (await control.send(new DescribeThingCommand({ thingName: 'thing:1' }))).thingTypeName,
    ).toBeUndefined()
    await control.send(new DeleteThingCommand({ thingName: 'thing:1' }))
    expect(await failure(control.send(new DescribeThingCommand({ thingName: 'thing:1' })))).toMatchObject({
      name: 'ResourceNotFoundException',
      status: 404,
    })
  })

  it('are listed by pages and by attribute', async () => {
    const { control } = lab
    for (const [at, site] of ['a', 'b', 'a', 'a', 'b'].entries())
      await control.send(
        new CreateThingCommand({ thingName: `list-${at}`, attributePayload: { attributes: { site } } }),
      )
    const names: (string | undefined)[] = []
    let nextToken: string | undefined
    do {
      const page = await control.send(new ListThingsCommand({ maxResults: 2, nextToken }))
      expect(page.things?.length).toBeLessThanOrEqual(2)
      names.push(...(page.things ?? []).map(thing => thing.thingName))
      nextToken = page.nextToken
    } while (nextToken)
    expect(names).toEqual(['list-0', 'list-1', 'list-2', 'list-3', 'list-4'])
    const filtered = await control.send(new ListThingsCommand({ attributeName: 'site', attributeValue: 'a' }))
    expect(filtered.things?.map(thing => thing.thingName)).toEqual(['list-0', 'list-2', 'list-3'])
  })

  it.each([
    [new CreateThingCommand({ thingName: 'no spaces' }), /thingName must match/],
    [
      new CreateThingCommand({ thingName: 'x', attributePayload: { attributes: { 'a b': '1' } } }),
      /attribute name "a b"/,
    ],
    [
      new CreateThingCommand({ thingName: 'x', attributePayload: { attributes: { a: 'with space' } } }),
      /value of attribute a/,
    ],
    [
      new CreateThingCommand({
        thingName: 'x',
        attributePayload: { attributes: { a: '1', b: '1', c: '1', d: '1' } },
      }),
      /at most 3 attributes/,
    ],
    [new ListThingsCommand({ maxResults: 9999 }), /page size/],
    [new ListThingsCommand({ attributeName: 'a' }), /must be given together/],
  ])('are refused with a reason', async (command, message) => {
    const error = await failure(lab.control.send(command as CreateThingCommand))
    expect(error).toMatchObject({ name: 'InvalidRequestException', status: 400 })
    expect(error.message).toMatch(message)
  })

  it('have types', async () => {
    await lab.control.send(
      new CreateThingTypeCommand({
        thingTypeName: 'typed',
        thingTypeProperties: { thingTypeDescription: 'one' },
      }),
    )
    const type = await lab.control.send(new DescribeThingTypeCommand({ thingTypeName: 'typed' }))
    expect(type).toMatchObject({
      thingTypeName: 'typed',
      thingTypeArn: arn('thingtype', 'typed'),
      thingTypeProperties: { thingTypeDescription: 'one' },
      thingTypeMetadata: { deprecated: false },
    })
    expect(type.thingTypeMetadata?.creationDate).toBeInstanceOf(Date)
  })
})

describe('certificates', () => {
  it('are signed for a request and keep its subject and key', async () => {
    const made = await lab.control.send(
      new CreateCertificateFromCsrCommand({ certificateSigningRequest: CSR, setAsActive: true }),
    )
    const certificate = new X509Certificate(made.certificatePem ?? '')
    expect(certificate.subject).toBe('CN=sensor-7')
    expect(certificate.checkIssued(new X509Certificate(lab.iot.mqtt.caPem))).toBe(true)
    expect(certificate.verify(new X509Certificate(lab.iot.mqtt.caPem).publicKey)).toBe(true)
    expect(made.certificateId).toBe(certificate.fingerprint256.replaceAll(':', '').toLowerCase())
    expect(made.certificateArn).toBe(arn('cert', made.certificateId ?? ''))
    const { certificateDescription } = await lab.control.send(
      new DescribeCertificateCommand({ certificateId: made.certificateId }),
    )
    expect(certificateDescription).toMatchObject({ status: 'ACTIVE', certificatePem: made.certificatePem })
    expect(certificateDescription?.validity?.notAfter?.getUTCFullYear()).toBe(2049)
  })

  it.each(['', 'nonsense', CSR.replace('MIH', 'MIX')])('are not signed for %.20j', async request => {
    const error = await failure(
      lab.control.send(new CreateCertificateFromCsrCommand({ certificateSigningRequest: request })),
    )
    expect(error).toMatchObject({ name: 'InvalidRequestException', status: 400 })
    expect(error.message).toMatch(/certificateSigningRequest/)
  })

  it('come with RSA 2048 keys when AWS makes them', async () => {
    const made = await lab.control.send(new CreateKeysAndCertificateCommand({}))
    const certificate = new X509Certificate(made.certificatePem ?? '')
    expect(certificate.publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048)
    expect(made.keyPair?.PrivateKey).toMatch(/^-----BEGIN PRIVATE KEY-----/)
    const listed = await lab.control.send(new ListCertificatesCommand({}))
    const mine = listed.certificates?.find(({ certificateId }) => certificateId === made.certificateId)
    expect(mine).toMatchObject({ status: 'INACTIVE' })
  })

  it('can be deleted only when inactive and free', async () => {
    const { control } = lab
    const device = await lab.provision('deletable')
    const remove = () => control.send(new DeleteCertificateCommand({ certificateId: device.certificateId }))
    expect(await failure(remove())).toMatchObject({ name: 'CertificateStateException', status: 406 })
    await control.send(
      new UpdateCertificateCommand({ certificateId: device.certificateId, newStatus: 'INACTIVE' }),
    )
    expect(await failure(remove())).toMatchObject({ name: 'DeleteConflictException', status: 409 })
    expect(await failure(control.send(new DeleteThingCommand({ thingName: 'deletable' })))).toMatchObject({
      name: 'InvalidRequestException',
    })
    const principal = device.certificateArn
    await control.send(new DetachThingPrincipalCommand({ thingName: 'deletable', principal }))
    expect(await failure(remove())).toMatchObject({ name: 'DeleteConflictException' })
    await control.send(new DetachPolicyCommand({ policyName: 'everything', target: principal }))
    await remove()
    expect(await failure(remove())).toMatchObject({ name: 'ResourceNotFoundException', status: 404 })
    await control.send(new DeleteThingCommand({ thingName: 'deletable' }))
  })
})

describe('policies and principals', () => {
  it('are made, read and attached', async () => {
    const { control } = lab
    const policyDocument = JSON.stringify(allow('iot:Connect', '*'))
    await control.send(new CreatePolicyCommand({ policyName: 'mine', policyDocument }))
    expect(await control.send(new GetPolicyCommand({ policyName: 'mine' }))).toMatchObject({
      policyArn: arn('policy', 'mine'),
      policyDocument,
      defaultVersionId: '1',
    })
    expect(
      await failure(control.send(new CreatePolicyCommand({ policyName: 'mine', policyDocument }))),
    ).toMatchObject({
      name: 'ResourceAlreadyExistsException',
    })
    expect(
      await failure(
        control.send(new CreatePolicyCommand({ policyName: 'bad', policyDocument: '{"Statement":[]}' })),
      ),
    ).toMatchObject({ name: 'MalformedPolicyException', message: 'the policy document has no Statement' })
    const names = (await control.send(new ListPoliciesCommand({}))).policies?.map(p => p.policyName)
    expect(names).toEqual(['everything', 'mine'])

    const device = await lab.provision('attached')
    const target = device.certificateArn
    await control.send(new AttachPolicyCommand({ policyName: 'mine', target }))
    const attached = await control.send(new ListAttachedPoliciesCommand({ target }))
    expect(attached.policies?.map(p => p.policyName)).toEqual(['everything', 'mine'])
    expect(
      await failure(control.send(new AttachPolicyCommand({ policyName: 'none', target }))),
    ).toMatchObject({
      name: 'ResourceNotFoundException',
    })
    expect(
      (await control.send(new ListThingPrincipalsCommand({ thingName: 'attached' }))).principals,
    ).toEqual([target])
    expect((await control.send(new ListPrincipalThingsCommand({ principal: target }))).things).toEqual([
      'attached',
    ])
  })

  it('keep an exclusive attachment the only one', async () => {
    const { control } = lab
    const { certificateArn: principal } = await lab.provision('sole', {
      thingPrincipalType: 'EXCLUSIVE_THING',
    })
    await control.send(new CreateThingCommand({ thingName: 'second' }))
    expect(
      await failure(control.send(new AttachThingPrincipalCommand({ thingName: 'second', principal }))),
    ).toMatchObject({
      name: 'InvalidRequestException',
      message: 'the certificate is attached exclusively to sole',
    })
  })
})

describe('the service', () => {
  it('checks IAM with the actions and resources of AWS', async () => {
    lab.authorized.length = 0
    await lab.control.send(new CreateThingCommand({ thingName: 'authz' }))
    await lab.control.send(new ListThingsCommand({}))
    expect(lab.authorized).toEqual([
      { action: 'iot:CreateThing', resource: arn('thing', 'authz') },
      { action: 'iot:ListThings', resource: '*' },
    ])
  })

  it('names operations that it does not have', async () => {
    const error = await failure(lab.control.send(new CreateThingGroupCommand({ thingGroupName: 'g' })))
    expect(error).toMatchObject({
      name: 'NotImplemented',
      status: 501,
      message: 'iot:CreateThingGroup is not implemented by the local cloud',
    })
  })

  it('tells its MQTT endpoint and its rules', async () => {
    const { endpointAddress } = await lab.control.send(
      new DescribeEndpointCommand({ endpointType: 'iot:Data-ATS' }),
    )
    expect(endpointAddress).toBe(`127.0.0.1:${lab.iot.mqtt.port}`)
    lab.iot.createTopicRule({
      RuleName: 'listed',
      TopicRulePayload: {
        Sql: "SELECT * FROM 'a/+'",
        AwsIotSqlVersion: '2016-03-23',
        RuleDisabled: 'true',
        Actions: [{ Lambda: { FunctionArn: 'arn:aws:lambda:eu-central-1:123456789012:function:f' } }],
      },
    })
    const { rule, ruleArn } = await lab.control.send(new GetTopicRuleCommand({ ruleName: 'listed' }))
    expect(ruleArn).toBe(arn('rule', 'listed'))
    expect(rule).toMatchObject({
      ruleName: 'listed',
      sql: "SELECT * FROM 'a/+'",
      ruleDisabled: true,
      actions: [{ lambda: { functionArn: 'arn:aws:lambda:eu-central-1:123456789012:function:f' } }],
    })
    const { rules } = await lab.control.send(new ListTopicRulesCommand({}))
    expect(rules).toMatchObject([{ ruleName: 'listed', topicPattern: 'a/+', ruleDisabled: true }])
  })
})

describe('what is kept', () => {
  it('comes back after a restart: things, certificates, policies, attachments and the CA', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'iot-'))
    try {
      const before = await openLab({ dir })
      allowEverything(before.iot)
      const device = await before.provision('kept', { attributes: { site: 'north' } })
      const { caPem } = before.iot.mqtt
      await before.close()
      for (const file of ['ca-key.pem', 'server-key.pem', 'registry.json'])
        expect(statSync(join(dir, 'iot', file)).mode & 0o777).toBe(0o600)

      const after = await openLab({ dir })
      expect(after.iot.mqtt.caPem).toBe(caPem)
      expect(await after.control.send(new DescribeThingCommand({ thingName: 'kept' }))).toMatchObject({
        attributes: { site: 'north' },
      })
      const client = await after.connect(device)
      expect(client.connected).toBe(true)
      await after.close()
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })
})
