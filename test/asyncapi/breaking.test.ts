import { describe, expect, it } from 'vitest'
import { breakingChanges } from '../../scripts/lib/asyncapi/breaking.ts'
import { asyncapiDocument } from '../../scripts/lib/asyncapi/document.ts'
import type { Schema } from '../../scripts/lib/asyncapi/schemas.ts'

/** A copy of the document in which anything may be changed, by its path. */
function editable() {
  const document = structuredClone(asyncapiDocument()) as Record<string, unknown>
  const at = (path: string): Record<string, unknown> => {
    let found: unknown = document
    for (const part of path.split('/')) {
      found = (found as Record<string, unknown>)[part]
      if (found === undefined) throw new Error(`${path}: the document has no such place`)
    }
    return found as Record<string, unknown>
  }
  const split = (path: string) => {
    const end = path.lastIndexOf('/')
    return [at(path.slice(0, end)), path.slice(end + 1)] as const
  }
  return {
    document: document as Schema,
    get: (path: string): unknown => structuredClone(at(path)),
    set(path: string, value: unknown) {
      const [parent, name] = split(path)
      parent[name] = value
    },
    cut(path: string) {
      const [parent, name] = split(path)
      if (!Object.hasOwn(parent, name)) throw new Error(`${path}: the document has no such place`)
      if (Array.isArray(parent)) parent.splice(Number(name), 1)
      else delete parent[name]
    },
    push(path: string, value: unknown) {
      ;(at(path) as unknown as unknown[]).push(value)
    },
    /** Takes the last entry of a list. */
    pop(path: string) {
      ;(at(path) as unknown as unknown[]).pop()
    },
  }
}
type Document = ReturnType<typeof editable>
const changesOf = (change: (document: Document) => void): string[] => {
  const edited = editable()
  change(edited)
  return breakingChanges(asyncapiDocument(), edited.document)
}
const SCHEMAS = 'components/schemas'
const MESSAGES = 'components/messages'
const inBody = (schema: string, path: string): string => `${SCHEMAS}/${schema}/properties/body/${path}`
const inPredicate = (schema: string, path: string): string =>
  `${SCHEMAS}/${schema}/properties/predicate/${path}`
const INTEGER = { type: 'integer' }

describe('breaking changes of the device contract', () => {
  it('finds none in the contract itself', () => {
    expect(changesOf(() => undefined)).toEqual([])
  })

  it.each<[string, (d: Document) => void]>([
    ['a new optional field', d => d.set(inBody('Hello', 'properties/uptime'), INTEGER)],
    ['a field that need not be sent any more', d => d.set(inBody('Hello', 'required'), ['runtime'])],
    ['a longer text', d => d.set(inBody('Report', 'properties/detail/maxLength'), 1_024)],
    ['one more step', d => d.push(inBody('Report', 'properties/step/enum'), 'BAKED')],
    ['a pattern that is gone', d => d.cut(`${SCHEMAS}/CorrelationId/pattern`)],
    ['larger messages', d => d.set(`${MESSAGES}/hello/x-max-bytes`, 8_192)],
    ['text about it', d => d.set('channels/hello/summary', 'other words')],
    ['another operation', d => d.set('operations/sendMore', d.get('operations/sendHello'))],
  ])('lets devices send %s', (_, change) => {
    expect(changesOf(change)).toEqual([])
  })

  it.each<[string, (d: Document) => void, RegExp]>([
    [
      'a field that must be there',
      d => {
        d.set(inBody('Hello', 'properties/uptime'), INTEGER)
        d.push(inBody('Hello', 'required'), 'uptime')
      },
      /sendHello\/hello\.body\.uptime: may be missing/,
    ],
    [
      'a field that is refused now',
      d => d.cut(inBody('Report', 'properties/detail')),
      /detail: the field was unknown/,
    ],
    [
      'another type',
      d => d.set(inBody('Metrics', 'properties/window/type'), 'string'),
      /window: is integer, was string/,
    ],
    [
      'a shorter text',
      d => d.set(inBody('Report', 'properties/detail/maxLength'), 64),
      /maxLength is 512, was 64/,
    ],
    ['a code that is gone', d => d.pop(`${SCHEMAS}/ReasonCode/enum`), /"INTERNAL" was not allowed/],
    ['a narrower name', d => d.set(`${SCHEMAS}/ThingName/pattern`, '^[a-z]+$'), /thing: pattern/],
    ['smaller messages', d => d.set(`${MESSAGES}/hello/x-max-bytes`, 512), /x-max-bytes is 512/],
    ['what has no operation', d => d.cut('operations/sendHello'), /sendHello: the operation is gone/],
    ['on another topic', d => d.set('channels/hello/address', 'x'), /sendHello: address is x/],
    ['with another QoS', d => d.set('operations/sendHello/bindings/mqtt/qos', 0), /qos is 0, was 1/],
  ])('does not ask devices to send %s', (_, change, line) => {
    expect(changesOf(change)).toEqual(expect.arrayContaining([expect.stringMatching(line)]))
  })

  it.each<[string, (d: Document) => void, RegExp]>([
    [
      'a field that they do not know',
      d => d.set(inPredicate('FleetManifest', 'properties/priority'), INTEGER),
      /receiveManifest\/manifest statement\.predicate\.priority: the field was unknown/,
    ],
    [
      'a document without a field that it had',
      d => {
        d.cut(inPredicate('FreshnessBeacon', 'properties/minimumRoot'))
        d.cut(inPredicate('FreshnessBeacon', 'required/3'))
      },
      /minimumRoot: the field is gone/,
    ],
    [
      'a field that may be missing',
      d => d.set(`${SCHEMAS}/ManifestSlot/required`, ['slot', 'hardware']),
      /pins: may be missing, and was required/,
    ],
    [
      'another type',
      d => d.set(inPredicate('FleetManifest', 'properties/counter/type'), 'string'),
      /counter: is string, was integer/,
    ],
    [
      'larger numbers',
      d => d.set(`${SCHEMAS}/Release/properties/version/maximum`, 9e6),
      /version: maximum is 9000000, was 1000000/,
    ],
    [
      'a null that they do not know',
      d => d.set(`${SCHEMAS}/Release/properties/runtime`, { type: ['string', 'null'] }),
      /runtime: is string or null, was string/,
    ],
    [
      'another mode of a candidate',
      d => d.push(`${SCHEMAS}/ManifestSlot/properties/candidate/anyOf/0/properties/mode/enum`, 'twice'),
      /mode: "twice" was not allowed/,
    ],
    [
      'an answer of another kind',
      d => d.push('operations/sendAsk/reply/messages', { $ref: '#/channels/answer/messages/ack' }),
      /sendAsk: devices do not know the message ack/,
    ],
    [
      'no answer where there was one',
      d => d.pop('operations/sendAsk/reply/messages'),
      /sendAsk: the message error is gone/,
    ],
    [
      'a package with a file less',
      d => d.cut(`${MESSAGES}/block/x-carries/self-test.json`),
      /self-test.json: is gone/,
    ],
    [
      'larger messages',
      d => d.set(`${MESSAGES}/manifest/x-max-bytes`, 262_144),
      /x-max-bytes is 262144, was 131072/,
    ],
    ['nothing retained', d => d.set('channels/beacon/x-retained', false), /retained is false/],
    [
      'what they do not subscribe to',
      d => {
        d.set('channels/news', { ...(d.get('channels/hint') as object), address: 'edgeloop/v2/news' })
        d.set('operations/receiveNews', {
          ...(d.get('operations/receiveHint') as object),
          channel: { $ref: '#/channels/news' },
        })
      },
      /receiveNews: devices do not subscribe to edgeloop\/v2\/news/,
    ],
    ['anything without certificates', d => d.pop('servers/broker/security'), /server: security/],
  ])('does not let devices receive %s', (_, change, line) => {
    expect(changesOf(change)).toEqual(expect.arrayContaining([expect.stringMatching(line)]))
  })

  it('lets devices receive less of what they know', () => {
    expect(
      changesOf(d => {
        d.set(inPredicate('FleetManifest', 'properties/revokedBundles/maxItems'), 8)
        d.set(`${SCHEMAS}/Release/properties/version/maximum`, 1_000)
        d.set(`${MESSAGES}/manifest/x-max-bytes`, 65_536)
      }),
    ).toEqual([])
  })
})
