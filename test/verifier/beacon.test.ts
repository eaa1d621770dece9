import { describe, expect, it } from 'vitest'
import { freshnessBeacon } from '../../src/contracts/manifest.ts'
import { trustedTime, verifyBeacon, verifyManifest } from '../../verifier/index.ts'
import { beaconStatement, json, modelKey, signedBeacon, signedManifest, slotOf } from '../device/helpers.ts'
import { beaconCode, checks, fresh, made } from './support.ts'

const at = (minute: number, changes: object = {}) =>
  signedBeacon({
    issued: `2026-11-21T11:${String(minute).padStart(2, '0')}:00.000Z`,
    expires: '2026-11-22T11:30:00.000Z',
    ...changes,
  })

describe('freshness beacons', () => {
  it('are what the contract describes', () => {
    const statement = beaconStatement()
    expect(freshnessBeacon.parse(statement)).toEqual(statement)
    expect(fresh().beacon).toMatchObject({ epoch: 1, minimumCounter: 0, minimumRoot: 1 })
  })

  it('move time on, and never back', () => {
    const state = verifyBeacon(made(), json(at(30)), { ...checks, clock: 0 })
    expect(trustedTime(state, 0)).toBe(Date.parse('2026-11-21T11:30:00Z'))
    expect(beaconCode(state, json(at(29)))).toBe('BEACON_ROLLBACK')
    expect(verifyBeacon(state, json(at(30)), checks)).toBe(state)
    expect(beaconCode(state, json(at(30, { minimumCounter: 1 })))).toBe('BEACON_EQUIVOCATION')
    expect(beaconCode(state, json(at(31)))).toBe('ok')
  })

  it('do not lower what counts', () => {
    const state = fresh(at(30, { minimumCounter: 5, minimumRoot: 1 }))
    expect(beaconCode(state, json(at(31, { minimumCounter: 4 })))).toBe('BEACON_ROLLBACK')
    expect(beaconCode(state, json(at(31, { minimumCounter: 5 })))).toBe('ok')
    const ahead = fresh(at(30, { minimumRoot: 2 }))
    expect(beaconCode(ahead, json(at(31, { minimumRoot: 1 })))).toBe('BEACON_ROLLBACK')
  })

  it('do not use up the counters at one go', () => {
    expect(beaconCode(made(), json(at(30, { minimumCounter: 1_000_000 })))).toBe('ok')
    expect(beaconCode(made(), json(at(30, { minimumCounter: 1_000_001 })))).toBe('BEACON_JUMP')
    const verified = verifyManifest(fresh(), json(signedManifest(10, [slotOf()])), checks)
    if (verified.kind !== 'new') throw new Error('a duplicate')
    expect(beaconCode(verified.state, json(at(31, { minimumCounter: 1_000_010 })))).toBe('ok')
  })

  it('are for one fleet and one epoch, of the deployment key, and expire', () => {
    expect(beaconCode(made(), json(at(30, { fleet: 'other' })))).toBe('BEACON_AUDIENCE')
    expect(beaconCode(made(), json(at(30, { epoch: 2 })))).toBe('BEACON_EPOCH')
    expect(beaconCode(made(), json(signedBeacon({}, modelKey)))).toBe('BEACON_SIGNATURE')
    expect(beaconCode(made(), json(at(30)), { clock: Date.parse('2026-11-22T11:30:00Z') })).toBe(
      'BEACON_EXPIRED',
    )
    expect(beaconCode(made(), json(at(30, { expires: '2026-11-21T11:30:00Z' })))).toBe('BEACON_MALFORMED')
    expect(beaconCode(made(), json(at(30, { more: 1 })))).toBe('BEACON_MALFORMED')
    expect(beaconCode(made(), json(signedManifest(1, [slotOf()])))).toBe('BEACON_TYPE')
  })
})
