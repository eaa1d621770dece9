import { describe, expect, it } from 'vitest'
import type { FieldPhase } from '../../examples/example.ts'
import { createTruths } from '../../scripts/story/truths.ts'

const phase = (name: string, ...truths: string[]): FieldPhase => ({
  name,
  rows: truths.map(truth => ({ row: [0], truth })),
})
const id = (device: string, n: number) => `${device}-1a-${n.toString(36)}`

describe('truths', () => {
  it('are those of the rows, over their end and from the start again', () => {
    const truths = createTruths()
    const may = phase('May', 'a', 'b', 'c')
    for (let n = 40; n < 50; n++) truths.add(id('cam-1', n), may, (n - 39) % 3)
    expect([40, 41, 42, 49].map(n => truths.get(id('cam-1', n)))).toEqual(['b', 'c', 'a', 'b'])
    expect([39, 50].map(n => truths.get(id('cam-1', n)))).toEqual([undefined, undefined])
  })
  it('are told apart by device, and by phase as the field moves', () => {
    const truths = createTruths()
    truths.add(id('cam-1', 0), phase('May', 'a', 'b'), 1)
    truths.add(id('cam-1', 1), phase('July', 'x', 'y'), 0)
    truths.add(id('cam-2', 0), phase('May', 'a', 'b'), 0)
    expect([id('cam-1', 0), id('cam-1', 1), id('cam-2', 0)].map(truths.get)).toEqual(['b', 'x', 'a'])
  })
  it('are right when inferences were left out, or rows', () => {
    const truths = createTruths()
    const may = phase('May', 'a', 'b', 'c', 'd')
    truths.add(id('cam-1', 0), may, 0)
    truths.add(id('cam-1', 5), may, 1)
    truths.add(id('cam-1', 6), may, 3)
    expect([0, 1, 5, 6].map(n => truths.get(id('cam-1', n)))).toEqual(['a', undefined, 'b', 'd'])
  })
  it('of an event id that is none are unknown', () => {
    expect(createTruths().get('x')).toBeUndefined()
  })
})
