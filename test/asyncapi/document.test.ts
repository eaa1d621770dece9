import { readFileSync } from 'node:fs'
import { Parser } from '@asyncapi/parser'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { CONTRACT_FILE, contractText, faults, RELEASED_FILE } from '../../scripts/asyncapi.ts'
import { asyncapiDocument } from '../../scripts/lib/asyncapi/document.ts'
import type { Schema } from '../../scripts/lib/asyncapi/schemas.ts'
import { trustRoot } from '../../scripts/lib/asyncapi/trust-root.ts'
import { reportBody, topics, uplinkKinds, uplinkLimits } from '../../src/contracts/mqtt.ts'
import { PACKAGE_FILES } from '../../src/contracts/packages.ts'
import { REASONS, readRoot } from '../../verifier/index.ts'
import { json, modelKey, rootKeys, rootStatement, signed, signedRoot } from '../device/helpers.ts'

const document = asyncapiDocument() as {
  readonly channels: Readonly<Record<string, Schema>>
  readonly operations: Readonly<Record<string, Schema>>
  readonly components: Readonly<Record<string, Readonly<Record<string, Schema>>>>
  readonly servers: { readonly broker: { readonly 'x-subscriptions': readonly string[] } }
}
const addresses = Object.values(document.channels).map(channel => channel['address'])

describe('the device contract', () => {
  it('is a valid AsyncAPI 3 document, without a word from the parser', async () => {
    const { document: parsed, diagnostics } = await new Parser().parse(contractText())
    expect(diagnostics).toEqual([])
    expect(parsed?.version()).toBe('3.1.0')
    // Asking for a delta is an operation of its own, on the channel of the other asks.
    expect(parsed?.operations().filterBySend()).toHaveLength(uplinkKinds.length + 1)
  })

  it('is what docs/ has, and breaks nothing that was released', () => {
    const read = (file: string) => readFileSync(file, 'utf8')
    expect(faults(read(CONTRACT_FILE), read(RELEASED_FILE), contractText())).toEqual([])
  })

  it('notices a file that was edited or is missing', () => {
    const now = contractText()
    expect(faults(now.replace('"qos": 1', '"qos": 0'), now, now)).toEqual([
      expect.stringContaining('is not what src/contracts gives'),
    ])
    expect(faults(now, null, now)).toEqual([expect.stringContaining('released.json is missing')])
  })

  it('has every topic of the contracts, and a channel for nothing else', () => {
    const { down, up, blob, trust, ...others } = topics
    const expected = [
      trust,
      ...uplinkKinds.map(kind => up('{thing}', kind)),
      blob('{thing}', '{digest}', 0).replace(/0$/, '{offset}'),
      others.manifest('{fleet}'),
      others.beacon('{fleet}'),
      others.answer('{thing}', '{corr}'),
      others.prediction('{thing}', '{corr}'),
      others.hint('{thing}'),
    ]
    // A topic that is added to the contracts has to be added above, and then to the document.
    expect(Object.keys(others).sort()).toEqual(['answer', 'beacon', 'hint', 'manifest', 'prediction'])
    expect(addresses.toSorted()).toEqual(expected.sort())
    expect(document.servers.broker['x-subscriptions']).toContain(down('{thing}'))
  })

  it('says of every channel what the device does with it', () => {
    const ref = (value: unknown) =>
      String((value as Schema)['$ref'])
        .split('/')
        .at(-1)
    const used = Object.values(document.operations).flatMap(operation => [
      ref(operation['channel']),
      ...(operation['reply'] ? [ref((operation['reply'] as Schema)['channel'])] : []),
    ])
    expect([...new Set(used)].sort()).toEqual(Object.keys(document.channels).sort())
    for (const [id, { action, channel }] of Object.entries(document.operations)) {
      const address = String(document.channels[ref(channel)!]!['address'])
      expect([id, action]).toEqual([id, address.includes('/up/') ? 'send' : 'receive'])
    }
  })

  it('has the limits and the codes of the contracts', () => {
    for (const kind of uplinkKinds) {
      const [name] = Object.entries(document.channels).find(
        ([, { address }]) => address === topics.up('{thing}', kind),
      )!
      const message = document.components['messages']![name]!
      expect({ maxBytes: message['x-max-bytes'], maxDepth: message['x-max-depth'] }).toEqual(
        uplinkLimits[kind],
      )
    }
    expect(document.components['schemas']!['ReasonCode']!['enum']).toEqual(REASONS)
    const carries = document.components['messages']!['block']!['x-carries'] as Schema
    expect([...Object.keys(carries), 'model.wasm'].sort()).toEqual([...PACKAGE_FILES])
  })

  it('gives schemas from which the contracts can be read back', () => {
    const schemas = document.components['schemas']!
    const inline = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(inline)
      if (value === null || typeof value !== 'object') return value
      const ref = (value as Schema)['$ref']
      if (typeof ref === 'string') return inline(schemas[ref.split('/').at(-1)!])
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inline(item)]))
    }
    const report = z.fromJSONSchema(inline(schemas['Report']) as z.core.JSONSchema.JSONSchema)
    const message = {
      ...{ v: 1, thing: 'cam-1', epoch: 3, seq: 9, t: 1, kind: 'report' },
      body: {
        ...{ slot: 'quality', manifest: { epoch: 1, counter: 2 }, bundle: 'a'.repeat(64) },
        step: 'FAILED',
        code: 'SELF_TEST',
      },
    }
    expect(report.safeParse(message).success).toBe(true)
    for (const bad of [
      { ...message, extra: 1 },
      { ...message, seq: -1 },
      { ...message, body: { ...message.body, code: 'NO_SUCH_CODE' } },
      { ...message, body: { ...message.body, bundle: 'A'.repeat(64) } },
    ])
      expect(report.safeParse(bad).success).toBe(false)
    expect(reportBody.safeParse(message.body).success).toBe(true)
  })

  it('describes trust roots as the verifier reads them', () => {
    const statement = rootStatement()
    const { predicate } = statement
    const verdicts = (changed: object): readonly [boolean, boolean] => {
      const envelope = json(signed(json(changed), rootKeys.slice(0, 2)))
      let read = true
      try {
        readRoot(envelope)
      } catch {
        read = false
      }
      return [trustRoot.safeParse(changed).success, read]
    }
    expect(readRoot(json(signedRoot())).value.version).toBe(1)
    expect(verdicts(statement)).toEqual([true, true])
    for (const changed of [
      { ...predicate, version: 0 },
      { ...predicate, epoch: '1' },
      { ...predicate, extra: 1 },
      { ...predicate, issued: 'yesterday' },
      { ...predicate, keys: { nokey: predicate.keys[modelKey.hint] } },
      { ...predicate, roles: { ...predicate.roles, model: { keyids: [] } } },
      { ...predicate, revokedBundles: ['x'] },
    ])
      expect(verdicts({ ...statement, predicate: changed })).toEqual([false, false])
    expect(verdicts({ ...statement, predicateType: 'https://example.com/x' })).toEqual([false, false])
  })
})
