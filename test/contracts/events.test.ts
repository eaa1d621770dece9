import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EVENT_SOURCE, metadata } from '../../src/contracts/envelope.ts'
import { type EventType, eventContracts } from '../../src/contracts/events/index.ts'
import { InputError } from '../../src/domain/errors.ts'
import { outboxRows } from '../../src/domain/outbox.ts'
import { parseBusEvent } from '../../src/runtime/events.ts'
import { sampleOf } from './sample.ts'

const types = eventContracts.map(c => c.type)
const envelope = (type: string) => ({
  id: 'e1',
  type,
  version: 1,
  occurredAt: '2026-01-01T00:00:00.000Z',
  correlationId: 'c1',
  generation: 0,
})
const refusal = (run: () => unknown): InputError => {
  try {
    run()
  } catch (error) {
    if (error instanceof InputError) return error
    throw error
  }
  throw new Error('accepted')
}

describe('event contracts', () => {
  it('have one type each, and a pattern that selects it', () => {
    expect(new Set(types).size).toBe(types.length)
    for (const { type, pattern, title } of eventContracts) {
      expect(pattern).toEqual({ source: [EVENT_SOURCE], 'detail-type': [type] })
      expect(title).toMatch(/^[A-Z].{10,}[^.]$/)
    }
  })

  it.each(eventContracts)(
    '$type accepts what its schema describes, from the outbox to the handler',
    contract => {
      void fc.assert(
        fc.property(fc.integer(), seed => {
          const data = sampleOf(contract.data, seed)
          const [row] = outboxRows([{ type: contract.type, data }], undefined, new Date(0))
          const detail = JSON.parse(row?.data.detail ?? '') as unknown
          const event = parseBusEvent({ source: 'edgeloop', 'detail-type': contract.type, detail }, types)
          expect(event.type).toBe(contract.type)
          expect(event.data).toEqual(JSON.parse(JSON.stringify(data)))
        }),
        { numRuns: 30 },
      )
    },
  )

  it.each(eventContracts)(
    '$type refuses data without a field, naming it, and an envelope of another type',
    contract => {
      const data = sampleOf(contract.data, 1) as Record<string, unknown>
      const event = (detail: unknown) => ({ source: 'edgeloop', 'detail-type': contract.type, detail })
      const field = Object.keys(data)[0] as string
      const { [field]: _, ...rest } = data
      const missing = refusal(() =>
        parseBusEvent(event({ metadata: envelope(contract.type), data: rest }), types),
      )
      expect(missing).toMatchObject({ reason: 'SCHEMA', field: `data.${field}` })
      const other = contract.type === 'CheckDue' ? 'ModelConfigured' : 'CheckDue'
      const wrong = refusal(() => parseBusEvent(event({ metadata: envelope(other), data }), types))
      expect(wrong).toMatchObject({ reason: 'SCHEMA', field: 'metadata.type' })
    },
  )

  it.each([
    ['an unknown type', { 'detail-type': 'CoffeeReady', detail: {} }],
    ['no type', { detail: {} }],
    ['nothing', undefined],
    ['text', 'CheckDue'],
    ['a type that this handler does not take', { 'detail-type': 'WindowClosed', detail: {} }],
  ])('refuses %s', (_name, event) => {
    expect(refusal(() => parseBusEvent(event, ['CheckDue'] satisfies EventType[]))).toMatchObject({
      reason: 'UNEXPECTED_EVENT',
      field: 'detail-type',
    })
  })
})

describe('metadata', () => {
  it.each([
    ['version', 2],
    ['occurredAt', 'yesterday'],
    ['generation', -1],
    ['generation', 0.5],
    ['id', ''],
    ['correlationId', 'x'.repeat(129)],
  ])('refuses %s = %j', (field, value) => {
    const parsed = metadata.safeParse({ ...envelope('CheckDue'), [field]: value })
    expect(parsed.error?.issues[0]?.path).toEqual([field])
  })
})
