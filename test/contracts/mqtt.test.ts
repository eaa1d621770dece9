import { describe, expect, it } from 'vitest'
import {
  ackCorr,
  answer,
  BLOB_MAX_BLOCK,
  hint,
  ingress,
  MQTT_MAX_PAYLOAD,
  predictionAnswer,
  reasonCodes,
  topics,
  type UplinkKind,
  uplinkKinds,
  uplinkLimits,
  uplinks,
} from '../../src/contracts/mqtt.ts'
import { parseOrReject, schemaError } from '../../src/runtime/events.ts'
import { REASONS } from '../../verifier/index.ts'

const SHA = 'ab'.repeat(32)
const position = { epoch: 1, counter: 2 }
const sample = {
  eventId: 'e_1-x',
  t: 1,
  lane: 'audit',
  pi: 1,
  row: [0.5, null],
  margins: [0.1],
  prediction: 1,
}
const bodies: Readonly<Record<UplinkKind, Record<string, unknown>>> = {
  hello: {
    hardware: 'board',
    runtime: 'edgeloop 0.1',
    manifest: position,
    slots: { s: { active: SHA, previous: null } },
    outbox: { queued: 0, dropped: 0 },
  },
  report: { slot: 's', manifest: position, bundle: SHA, step: 'COMMITTED' },
  metrics: {
    slot: 's',
    bundle: SHA,
    window: 7,
    inferences: 3,
    features: { a: [1, 2, 0] },
    prediction: [3, 0],
    latency: { '12': 3 },
    confidence: 9_000,
    errors: 0,
    resets: 1,
    historical: false,
  },
  samples: { slot: 's', bundle: SHA, samples: [sample] },
  ask: { corr: 'c-1', have: { root: 1, manifest: null } },
  blob: { corr: 'c-1', digest: SHA, offset: 0, length: 1 },
  predict: { corr: 'c-1', slot: 's', row: [1, null] },
}
const message = (kind: UplinkKind, body: unknown = bodies[kind]): Record<string, unknown> => ({
  v: 1,
  thing: 'thing:1',
  epoch: 0,
  seq: 3,
  t: 1_700_000_000_000,
  kind,
  body,
})
const fieldOf = (kind: UplinkKind, value: unknown): string => {
  const { error } = uplinks[kind].safeParse(value)
  return error === undefined ? 'accepted' : (schemaError(error).field ?? '')
}

describe.each(uplinkKinds)('%s', kind => {
  it('accepts its message and gives it back as it was', () => {
    expect(parseOrReject(uplinks[kind], message(kind))).toEqual(message(kind))
  })
  it('is strict at every level and names the place', () => {
    expect(fieldOf(kind, { ...message(kind), colour: 1 })).toBe('colour')
    expect(fieldOf(kind, message(kind, { ...bodies[kind], colour: 1 }))).toBe('body.colour')
  })
  it('needs every field of the envelope and refuses other versions and kinds', () => {
    for (const field of Object.keys(message(kind))) {
      const { [field]: _, ...rest } = message(kind)
      expect(fieldOf(kind, rest)).toBe(field)
    }
    expect(fieldOf(kind, { ...message(kind), v: 2 })).toBe('v')
    expect(fieldOf(kind, { ...message(kind), kind: kind === 'ask' ? 'blob' : 'ask' })).toBe('kind')
    expect(fieldOf(kind, { ...message(kind), seq: -1 })).toBe('seq')
    expect(fieldOf(kind, { ...message(kind), seq: 2 ** 53 })).toBe('seq')
    expect(fieldOf(kind, { ...message(kind), thing: 'a/b' })).toBe('thing')
    expect(fieldOf(kind, { ...message(kind), thing: '+' })).toBe('thing')
  })
  it('needs every field of its body', () => {
    for (const field of Object.keys(bodies[kind])) {
      const { [field]: _, ...rest } = bodies[kind]
      expect(fieldOf(kind, message(kind, rest))).toBe(`body.${field}`)
    }
  })
  it('fits the broker, with room for its own largest message', () => {
    expect(uplinkLimits[kind].maxBytes).toBeLessThanOrEqual(MQTT_MAX_PAYLOAD)
    expect(JSON.stringify(message(kind)).length).toBeLessThan(uplinkLimits[kind].maxBytes)
  })
})

describe('bodies', () => {
  it.each<[UplinkKind, Record<string, unknown>, string]>([
    ['report', { step: 'DANCED' }, 'body.step'],
    ['report', { code: 'BORED' }, 'body.code'],
    ['report', { bundle: SHA.toUpperCase() }, 'body.bundle'],
    ['report', { manifest: { ...position, extra: 1 } }, 'body.manifest.extra'],
    ['report', { detail: 'x'.repeat(513) }, 'body.detail'],
    ['hello', { slots: { s: { active: SHA } } }, 'body.slots.s.previous'],
    ['hello', { slots: { 'Not a slot': { active: null, previous: null } } }, 'body.slots.Not a slot'],
    ['metrics', { inferences: 0 }, 'body.inferences'],
    ['metrics', { prediction: [1.5, 0] }, 'body.prediction.0'],
    ['metrics', { prediction: [-1, 0] }, 'body.prediction.0'],
    ['metrics', { prediction: [3] }, 'body.prediction'],
    ['metrics', { features: { a: new Array(67).fill(0) } }, 'body.features.a'],
    ['metrics', { latency: { fast: 1 } }, 'body.latency.fast'],
    ['samples', { samples: [] }, 'body.samples'],
    ['samples', { samples: [sample, { ...sample, pi: 0 }] }, 'body.samples.1.pi'],
    ['samples', { samples: [{ ...sample, lane: 'fast' }] }, 'body.samples.0.lane'],
    ['samples', { samples: [{ ...sample, row: ['1'] }] }, 'body.samples.0.row.0'],
    ['samples', { samples: [{ ...sample, eventId: 'a b' }] }, 'body.samples.0.eventId'],
    ['samples', { samples: [{ ...sample, colour: 1 }] }, 'body.samples.0.colour'],
    ['samples', { samples: new Array(201).fill(sample) }, 'body.samples'],
    ['ask', { have: { root: 0, manifest: null } }, 'body.have.root'],
    ['ask', { corr: 'a/b' }, 'body.corr'],
    ['ask', { delta: { target: SHA } }, 'body.delta.base'],
    ['ask', { delta: { target: SHA, base: SHA, size: 1 } }, 'body.delta.size'],
    ['report', { step: 'FETCHED', via: 'pigeon' }, 'body.via'],
    ['report', { step: 'FETCHED', via: 'delta', bytes: -1 }, 'body.bytes'],
    ['blob', { length: BLOB_MAX_BLOCK + 1 }, 'body.length'],
    ['blob', { offset: -1 }, 'body.offset'],
    ['predict', { row: [] }, 'body.row'],
  ])('%s with %j is refused at %s', (kind, change, field) => {
    expect(fieldOf(kind, message(kind, { ...bodies[kind], ...change }))).toBe(field)
  })
})

describe('messages down', () => {
  it('accepts each kind of answer and nothing beside', () => {
    expect(answer.parse({ v: 1, kind: 'ack' })).toEqual({ v: 1, kind: 'ack' })
    expect(answer.safeParse({ v: 1, kind: 'ack', more: 1 }).success).toBe(false)
    expect(answer.safeParse({ v: 1, kind: 'manifest' }).success).toBe(false)
    expect(answer.safeParse({ v: 1, kind: 'other' }).success).toBe(false)
    const none = { v: 1, kind: 'delta', target: SHA, base: SHA, delta: null }
    expect(answer.parse(none)).toEqual(none)
    expect(answer.safeParse({ ...none, delta: { sha256: SHA, length: 0 } }).success).toBe(false)
    const prediction = { v: 1, kind: 'prediction', version: 1, margins: [0.5], prediction: 1 }
    expect(predictionAnswer.parse(prediction)).toEqual(prediction)
    expect(hint.safeParse({ v: 1, counter: 1.5 }).success).toBe(false)
  })
  it('uses topics within one device’s own tree', () => {
    expect(topics.up('t', 'ask')).toBe('edgeloop/v1/t/up/ask')
    for (const topic of [
      topics.answer('t', ackCorr(0, 3)),
      topics.blob('t', SHA, 0),
      topics.prediction('t', 'c'),
      topics.hint('t'),
    ])
      expect(topic.startsWith(topics.down('t').slice(0, -1))).toBe(true)
  })
})

describe('what a rule hands over', () => {
  const raw = { data: 'e30=', thing: 't', kind: 'ask', client: 't', receivedAt: 1 }
  it('needs base64, names and the time of receipt', () => {
    expect(ingress.parse({ ...raw, principal: 'p' })).toEqual({ ...raw, principal: 'p' })
    for (const change of [{ data: '{}' }, { thing: 7 }, { receivedAt: 'now' }])
      expect(ingress.safeParse({ ...raw, ...change }).success).toBe(false)
  })
})

describe('reason codes', () => {
  it('are the verifier’s, in its order', () => {
    expect(reasonCodes).toEqual(REASONS)
  })
})
