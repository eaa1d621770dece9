import { describe, expect, it } from 'vitest'
import type { Release } from '../../src/contracts/manifest.ts'
import type { PackageRef } from '../../src/contracts/packages.ts'
import { basesFor, comparable, MAX_PACKAGE_BYTES } from '../../src/domain/package/deltas.ts'

const digest = (name: string): string => Buffer.from(name.padEnd(32, '.')).toString('hex')
const ref = (name: string, hardware = 'gateway', length = 1_000): PackageRef => ({
  ...{ hardware, runtime: 'edgeloop-wasm' },
  package: { sha256: digest(`${name} ${hardware}`), length },
  bundle: { sha256: digest(`bundle of ${name}`), length: 10 },
})
const ran = (version: number, devices: number) => ({
  ...{ version, devices },
  packages: [ref(`v${version}`), ref(`v${version}`, 'camera')],
})
const committed = (name: string, hardware = 'gateway') => {
  const { runtime, bundle, package: archive } = ref(name, hardware)
  const release: Release = { model: 'demo', version: 1, runtime, bundle, package: archive }
  return { slot: 'main', hardware, committed: release, candidate: null, pins: {} }
}
const names = (of: readonly { sha256: string }[]) =>
  of.map(a => Buffer.from(a.sha256, 'hex').toString().replace(/\.+$/, ''))

describe('bases of deltas', () => {
  it('are what runs on the most devices, newer first among equals', () => {
    const field = [ran(5, 0), ran(4, 2), ran(3, 9), ran(2, 2), ran(1, 1)]
    expect(names(basesFor(ref('v6'), 'main', field, []))).toEqual(['v3 gateway', 'v4 gateway', 'v2 gateway'])
  })
  it('are for the same hardware', () => {
    expect(names(basesFor(ref('v6', 'camera'), 'main', [ran(5, 1)], [committed('v5')]))).toEqual([
      'v5 camera',
    ])
    expect(basesFor(ref('v6', 'server'), 'main', [ran(5, 1)], [committed('v5')])).toEqual([])
  })
  it('include what the slot is committed to, once, be it of another model', () => {
    const field = [ran(4, 4), ran(3, 3), ran(2, 2), ran(1, 1)]
    expect(names(basesFor(ref('v5'), 'main', field, [committed('other')]))).toEqual([
      ...['v4 gateway', 'v3 gateway', 'v2 gateway', 'other gateway'],
    ])
    expect(basesFor(ref('v5'), 'main', field, [committed('v4')])).toHaveLength(3)
    expect(basesFor(ref('v5'), 'side', field, [committed('other')])).toHaveLength(3)
  })
  it('are never the package itself', () => {
    expect(basesFor(ref('v5'), 'main', [ran(5, 3)], [committed('v5')])).toEqual([])
  })
})

it('packages above 16 MiB are not compared', () => {
  const at = (length: number) => ref('a', 'gateway', length).package
  expect(comparable(at(MAX_PACKAGE_BYTES), at(1))).toBe(true)
  expect(comparable(at(1), at(MAX_PACKAGE_BYTES + 1))).toBe(false)
})
