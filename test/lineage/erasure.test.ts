import { describe, expect, it } from 'vitest'
import { erasedSamples } from '../../src/contracts/erased-samples.ts'
import type { SampleRow } from '../../src/domain/entities.ts'
import {
  accountFor,
  type Erase,
  eraseFromAdmitted,
  eraseFromRequest,
  erasuresOf,
  quarantineWrites,
  sampleDigest,
} from '../../src/domain/lineage/erasure.ts'
import { readAdmitted } from '../../src/domain/sampling/admitted.ts'
import { eventIdDigest, tombstoneKey } from '../../src/domain/sampling/erased.ts'
import { manifestKey } from '../../src/domain/training/assemble.ts'
import { type TrainingSet, trainingSetDigest } from '../../src/domain/training/plan.ts'
import { eventId, runChain } from '../loop/chain.ts'

const chain = await runChain()
const { trainingSetDigest: digest = '', field } = chain.version(2)
if (field === undefined) throw new Error('version 2 has no field samples')
const text = (key: string): string =>
  Buffer.from(chain.world.state.artefacts.get(key)?.bytes ?? []).toString()
const set = JSON.parse(text(manifestKey('demo', digest))) as TrainingSet
const document = await readAdmitted(chain.world.deps(), 'demo', field.digest)
const rows = (await chain.world.state.quarantine.query<SampleRow>('SAMPLES#demo')).map(r => r.data)
const because = { erasedAt: '2026-04-01T00:00:00.000Z', reason: 'the owner asked for it' }
const ONE: Erase = { sample: eventId('lab-2', 5) }
const DEVICE: Erase = { device: 'lab-2' }
const erasedBy = (what: Erase) => {
  const left = eraseFromAdmitted(document, field.digest, what, because)
  return erasedSamples.parse(JSON.parse(JSON.stringify(left)))
}

describe('erasing', () => {
  it.each([
    ['a sample', ONE, 1],
    ['a device', DEVICE, 90],
  ] as const)(
    '%s takes its rows out of quarantine, and no others, for a tombstone each',
    (_, what, count) => {
      const writes = quarantineWrites(rows, what, because)
      const removals = writes.filter(w => w.kind === 'remove')
      const puts = writes.filter(w => w.kind === 'put')
      expect([removals.length, puts.length, writes.length]).toEqual([count, count, 2 * count])
      expect(removals.every(r => r.key.pk === 'SAMPLES#demo' && r.key.sk.endsWith('#lab-2'))).toBe(true)
      expect(puts.find(p => p.key.sk === tombstoneKey('demo', eventId('lab-2', 5)).sk)).toEqual({
        ...{ kind: 'put', key: tombstoneKey('demo', eventId('lab-2', 5)), expect: 'any' },
        ...{ data: { ...because, version: 1 }, ttl: Date.parse(because.erasedAt) / 1000 + 365 * 86_400 },
      })
      expect(JSON.stringify(puts)).not.toContain('lab-2')
    },
  )
  it('an id that two devices gave has one tombstone, since a transaction writes an item once', () => {
    const [mine] = rows.filter(r => r.eventId === eventId('lab-2', 5))
    if (mine === undefined) throw new Error('no such sample')
    const writes = quarantineWrites([mine, { ...mine, thing: 'lab-3' }], ONE, because)
    expect(writes.map(w => w.kind)).toEqual(['remove', 'remove', 'put'])
  })
  it.each([
    ['a sample', ONE, 1],
    ['a device', DEVICE, 90],
  ] as const)('%s leaves tombstones in place of values and names', (_, what, count) => {
    const left = erasedBy(what)
    expect(left.tombstones).toHaveLength(count)
    expect(left.samples).toHaveLength(360 - count)
    expect(left.original).toBe(field.digest)
    const gone = document.samples.find(s => s.eventId === eventId('lab-2', 5))
    if (gone === undefined) throw new Error('no such sample')
    expect(left.tombstones).toContainEqual({
      ...{ eventId: eventIdDigest(gone.eventId), digest: sampleDigest(gone), ...because },
    })
    expect(JSON.stringify(left)).not.toContain(gone.eventId)
    if ('device' in what) expect(JSON.stringify(left)).not.toContain('lab-2')
    expect(left.samples).toEqual(
      document.samples.filter(s => !('device' in what ? s.thing === 'lab-2' : s === gone)),
    )
  })
  it('what nobody sent changes nothing', () => {
    expect(
      eraseFromAdmitted(document, field.digest, { sample: eventId('lab-2', 999) }, because),
    ).toBeUndefined()
    expect(quarantineWrites(rows, { device: 'lab' }, because)).toEqual([])
  })
  it('takes its lines out of a label request, and leaves the others and what is no JSON as they are', () => {
    const line = (thing: string, n: number) => JSON.stringify({ eventId: eventId(thing, n), thing, row: [1] })
    const text = `${line('lab-1', 5)}\n${line('lab-2', 5)}\nnot JSON lab-2\n${line('lab-2', 6)}\n`
    expect(eraseFromRequest(text, ONE)).toEqual({
      rest: `${line('lab-1', 5)}\nnot JSON lab-2\n${line('lab-2', 6)}\n`,
      lines: 1,
    })
    expect(eraseFromRequest(text, DEVICE)).toEqual({
      rest: `${line('lab-1', 5)}\nnot JSON lab-2\n`,
      lines: 2,
    })
    expect(eraseFromRequest(text, { device: 'lab-4' })).toBeUndefined()
  })
  it('needs a reason', () => {
    expect(() => eraseFromAdmitted(document, field.digest, ONE, { ...because, reason: ' ' })).toThrow(
      expect.objectContaining({ reason: 'NO_REASON', field: 'reason' }),
    )
  })
})

describe('what stays true', () => {
  it('is the manifest: its digest, and the digest that it has of each erased sample', () => {
    expect(trainingSetDigest(set)).toBe(digest)
    const left = erasedBy(DEVICE)
    const named = set.samples.filter(s => s.thing === 'lab-2').map(s => s.digest)
    expect(left.tombstones.map(t => t.digest).sort()).toEqual(named.sort())
    expect(accountFor(set, left)).toEqual([])
  })
  it('after one sample and then its device, in two steps', () => {
    const once = erasedBy(ONE)
    const twice = eraseFromAdmitted(once, field.digest, DEVICE, {
      erasedAt: '2026-05-01T00:00:00.000Z',
      reason: 'sold',
    })
    if (twice === undefined) throw new Error('nothing was erased')
    expect(twice.tombstones).toHaveLength(90)
    expect(twice.tombstones.filter(t => t.reason === because.reason)).toHaveLength(1)
    expect(accountFor(set, twice)).toEqual([])
    expect(erasuresOf(set, twice)).toEqual([
      { ...because, samples: 1 },
      { erasedAt: '2026-05-01T00:00:00.000Z', reason: 'sold', samples: 89 },
    ])
    expect(erasuresOf({ ...set, samples: set.samples.filter(s => s.thing !== 'lab-2') }, twice)).toEqual([])
    expect(eraseFromAdmitted(twice, field.digest, DEVICE, because)).toBeUndefined()
  })
  it('is found out when a sample is gone without a trace, changed, or another is in its place', () => {
    const left = erasedBy(ONE)
    const [tombstone, ...others] = left.tombstones
    const [first, ...rest] = left.samples
    if (tombstone === undefined || first === undefined) throw new Error('nothing left')
    expect(accountFor(set, { ...left, tombstones: others })).toEqual([
      `${eventId('lab-2', 5)}: neither there nor erased`,
    ])
    expect(
      accountFor(set, { ...left, tombstones: [{ ...tombstone, digest: 'ab'.repeat(32) }] }),
    ).toHaveLength(1)
    expect(accountFor(set, { ...left, samples: [{ ...first, label: 0 }, ...rest] })).toEqual([
      `${first.eventId}: its values are not those that were trained on`,
    ])
    expect(accountFor(set, { ...left, original: 'ab'.repeat(32) })).toEqual([
      expect.stringMatching(/^the training set is not of/),
    ])
  })
})
