/** The IoT policies of the packaged template, as documents: no two devices share a topic to write or read. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PolicyDocument, PolicyStatement } from '../../local/core/types.ts'
import { compilePolicy, isAllowed, type PolicyVariables } from '../../local/iot/policy.ts'
import { at, list, properties, readTemplate, text } from '../template-rules/template.ts'

const ARN = 'arn:aws:iot:eu-west-1:123456789012'
const template = readTemplate()

/** The document with its pseudo parameters filled in; the policy's own variables stay. */
const document = (id: string): PolicyDocument => {
  const filled = (value: unknown): string =>
    text(value)
      .replace(/^arn:\$\{AWS::Partition\}:iot:\$\{AWS::Region\}:\$\{AWS::AccountId\}/, ARN)
      .replaceAll('${!', '${')
  const statements = list(at(properties(template, id), 'PolicyDocument', 'Statement')).map(s => ({
    ...(s as Omit<PolicyStatement, 'Resource'>),
    Resource: list(at(s, 'Resource')).map(filled),
  }))
  return { Version: '2012-10-17', Statement: statements }
}
const devicePolicy = document('DevicePolicy')
const claimPolicy = document('ClaimPolicy')
const compiled = { device: compilePolicy(devicePolicy), claim: compilePolicy(claimPolicy) }

interface Connection {
  readonly clientId: string
  readonly thing?: { readonly name: string; readonly fleet: string }
}
const variables =
  ({ clientId, thing }: Connection): PolicyVariables =>
  name =>
    ({
      'iot:ClientId': clientId,
      'iot:Connection.Thing.IsAttached': String(thing !== undefined),
      'iot:Connection.Thing.ThingName': thing?.name,
      'iot:Connection.Thing.Attributes[fleet]': thing?.fleet,
    })[name]
type Action = 'Connect' | 'Publish' | 'RetainPublish' | 'Subscribe' | 'Receive'
const KIND = {
  Connect: 'client',
  Publish: 'topic',
  RetainPublish: 'topic',
  Subscribe: 'topicfilter',
  Receive: 'topic',
}
const may = (who: keyof typeof compiled, connection: Connection, action: Action, name: string): boolean =>
  isAllowed([compiled[who]], `iot:${action}`, `${ARN}:${KIND[action]}/${name}`, variables(connection))

const thingName = fc.oneof(
  fc.stringMatching(/^[a-zA-Z0-9:_-]{1,128}$/),
  // Names that begin like others, or like parts of topics.
  fc.constantFrom('dev', 'dev-1', 'dev-10', 'dev:1', '-', ':', '_', 'down', 'up', 'v1', 'edgeloop'),
)
const fleetName = fc.constantFrom('a', 'a-b', 'b', 'down', 'manifest', 'up')
const device = fc.record({ name: thingName, fleet: fleetName })
const two = fc.tuple(device, device).filter(([a, b]) => a.name !== b.name)
const connection = (thing: { name: string; fleet: string }): Connection => ({ clientId: thing.name, thing })

/** Every topic on which a device's messages go up or down, and filters that reach it. */
const upTopics = (name: string) =>
  ['hello', 'report', 'metrics', 'samples', 'ask', 'blob', 'predict'].map(
    kind => `edgeloop/v1/${name}/up/${kind}`,
  )
const downTopics = (name: string) =>
  ['answer/1-2', `blob/${'ab'.repeat(32)}/0`, 'predict/c', 'hint'].map(
    rest => `edgeloop/v1/${name}/down/${rest}`,
  )
const reaching = (name: string) => [
  ...['#', '+/#', 'edgeloop/#', 'edgeloop/v1/#', 'edgeloop/v1/+/#', 'edgeloop/v1/+/down/#', '+/+/+/+/#'],
  ...[
    `edgeloop/v1/${name}/#`,
    `edgeloop/v1/${name}/+/#`,
    `edgeloop/v1/${name}/down/#`,
    `edgeloop/v1/${name}/up/#`,
  ],
  ...[`$share/g/edgeloop/v1/${name}/down/#`, ...downTopics(name), ...upTopics(name)],
]

describe('the device policy', () => {
  it('lets a device be itself', () => {
    fc.assert(
      fc.property(device, thing => {
        const own = connection(thing)
        expect(may('device', own, 'Connect', thing.name)).toBe(true)
        for (const topic of upTopics(thing.name)) expect(may('device', own, 'Publish', topic)).toBe(true)
        for (const topic of downTopics(thing.name)) expect(may('device', own, 'Receive', topic)).toBe(true)
        expect(may('device', own, 'Subscribe', `edgeloop/v1/${thing.name}/down/#`)).toBe(true)
        for (const about of ['manifest', 'beacon'])
          expect(may('device', own, 'Subscribe', `edgeloop/v1/fleet/${thing.fleet}/${about}`)).toBe(true)
      }),
    )
  })

  it('lets no device publish, subscribe, receive or connect as another', () => {
    fc.assert(
      fc.property(two, ([mine, theirs]) => {
        const me = connection(mine)
        expect(may('device', me, 'Connect', theirs.name)).toBe(false)
        for (const topic of [...upTopics(theirs.name), ...downTopics(theirs.name)]) {
          expect(may('device', me, 'Publish', topic)).toBe(false)
          expect(may('device', me, 'Receive', topic)).toBe(false)
        }
        for (const filter of reaching(theirs.name)) expect(may('device', me, 'Subscribe', filter)).toBe(false)
      }),
    )
  })

  it('reads its own fleet’s documents only, by their exact names, and writes none', () => {
    fc.assert(
      fc.property(device, fleetName, (thing, other) => {
        const me = connection(thing)
        for (const about of ['manifest', 'beacon']) {
          const topic = `edgeloop/v1/fleet/${other}/${about}`
          expect(may('device', me, 'Subscribe', topic)).toBe(other === thing.fleet)
          expect(may('device', me, 'Publish', topic)).toBe(false)
          for (const filter of [
            `edgeloop/v1/fleet/+/${about}`,
            'edgeloop/v1/fleet/#',
            `edgeloop/v1/fleet/${other}/#`,
          ])
            expect(may('device', me, 'Subscribe', filter)).toBe(false)
        }
        expect(may('device', me, 'Publish', 'edgeloop/v1/trust')).toBe(false)
      }),
    )
  })

  it('lets nobody in without a thing, and retains nothing', () => {
    fc.assert(
      fc.property(device, thing => {
        expect(may('device', { clientId: thing.name }, 'Connect', thing.name)).toBe(false)
        for (const topic of [...upTopics(thing.name), `edgeloop/v1/fleet/${thing.fleet}/manifest`])
          expect(may('device', connection(thing), 'RetainPublish', topic)).toBe(false)
      }),
    )
  })

  const resources = list(devicePolicy.Statement).flatMap(s => list(at(s, 'Resource')).map(String))
  it('has wildcards below the device’s own name only, and says nothing of $aws', () => {
    const own = `${ARN}:topic(filter)?/edgeloop/v1/\\$\\{iot:Connection.Thing.ThingName\\}/down/[*#]$`
    const wild = resources.filter(r => /[*#+?]/.test(r))
    expect(wild.filter(r => !new RegExp(`^${own}`).test(r))).toEqual([])
    expect(wild).toHaveLength(2)
    expect(resources.filter(r => r.includes('$aws'))).toEqual([])
  })
  it('names its actions, asks every connection for its thing, and fits in 2048 characters', () => {
    const statements = list(devicePolicy.Statement)
    expect(statements.flatMap(s => list(at(s, 'Action'))).sort()).toEqual([
      ...['iot:Connect', 'iot:Publish', 'iot:Receive', 'iot:Subscribe'],
    ])
    const connects = statements.filter(s => list(at(s, 'Action')).includes('iot:Connect'))
    expect(connects.map(s => at(s, 'Condition', 'Bool', 'iot:Connection.Thing.IsAttached'))).toEqual(['true'])
    expect(JSON.stringify(devicePolicy).length).toBeLessThanOrEqual(2048)
  })
})

describe('the claim policy', () => {
  const claim: Connection = { clientId: 'enrol.0123' }
  it('never takes a device’s place, writes or reads nothing of a device', () => {
    fc.assert(
      fc.property(device, thing => {
        expect(may('claim', claim, 'Connect', thing.name)).toBe(false)
        for (const topic of upTopics(thing.name)) expect(may('claim', claim, 'Publish', topic)).toBe(false)
        for (const filter of reaching(thing.name))
          expect(may('claim', claim, 'Subscribe', filter)).toBe(false)
        expect(may('claim', claim, 'Subscribe', `edgeloop/v1/fleet/${thing.fleet}/manifest`)).toBe(false)
      }),
    )
  })
  it('is for one template, its own keys and nothing else of $aws', () => {
    const provision = (name: string) => `$aws/provisioning-templates/${name}/provision/json`
    expect(may('claim', claim, 'Publish', provision('edgeloop-dev-device'))).toBe(true)
    expect(may('claim', claim, 'Publish', '$aws/certificates/create-from-csr/json')).toBe(true)
    for (const topic of [provision('other'), '$aws/certificates/create/json', '$aws/things/a/shadow/update'])
      expect(may('claim', claim, 'Publish', topic)).toBe(false)
    for (const filter of ['$aws/#', '$aws/certificates/#', '$aws/events/#', provision('edgeloop-dev-device')])
      expect(may('claim', claim, 'Subscribe', filter)).toBe(false)
    expect(may('claim', claim, 'Connect', 'enrol.x')).toBe(true)
  })
})
