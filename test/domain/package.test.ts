import { gunzipSync } from 'node:zlib'
import { parseTar } from 'nanotar'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { compile } from '../../compiler/index.ts'
import { loadArtefact } from '../../compiler/run.ts'
import {
  baseline,
  ioContract as ioContractSchema,
  PACKAGE_FILES,
  selfTest,
} from '../../src/contracts/packages.ts'
import { marginsOf } from '../../src/domain/evaluation/evaluate.ts'
import { modelArchive, packageArchive } from '../../src/domain/package/archive.ts'
import { hexFloat32, ioContract, makeBaseline, makeSelfTest } from '../../src/domain/package/contents.ts'
import { extractTarGz, findModel } from '../../src/domain/package/extract.ts'
import { untar } from '../../verifier/archive.ts'
import { stumpModel } from '../loop/stump.ts'
import { config } from './support.ts'

afterEach(() => {
  vi.useRealTimers()
})
/** What `make` makes at two times, years apart. */
const atTwoTimes = (make: () => Uint8Array): [Buffer, Buffer] => {
  const at = (time: string) => {
    vi.useFakeTimers({ now: new Date(time), toFake: ['Date'] })
    return Buffer.from(make())
  }
  return [at('2026-01-01T00:00:00Z'), at('2031-05-05T05:05:05Z')]
}

describe('packageArchive', () => {
  const sizes = [0, 1, 511, 512, 513]
  const files = PACKAGE_FILES.map((name, i) => ({ name, bytes: Buffer.alloc(sizes[i] as number, i + 1) }))
  it('is read by the device, file by file', () => {
    const read = untar(packageArchive(files), PACKAGE_FILES)
    for (const { name, bytes } of files) expect(Buffer.from(read.get(name) ?? [])).toEqual(bytes)
  })
  it('is the same bytes for the same files in any order', () => {
    const bytes = Buffer.from(packageArchive(files))
    expect(Buffer.from(packageArchive([...files].reverse())).equals(bytes)).toBe(true)
    expect(bytes.byteLength % 512).toBe(0)
    const [early, late] = atTwoTimes(() => packageArchive(files))
    expect(early.equals(late)).toBe(true)
    const other = files.map((f, i) => (i === 1 ? { ...f, bytes: Buffer.from('x') } : f))
    expect(Buffer.from(packageArchive(other)).equals(bytes)).toBe(false)
  })
})

describe('job archives', () => {
  it('hold one model for Neo, named by its format, the same bytes each time', () => {
    const json = Buffer.from('{"learner":{}}')
    const names = (bytes: Uint8Array) => extractTarGz(modelArchive(bytes)).map(f => f.name)
    expect(names(json)).toEqual(['xgboost-model.json'])
    expect(names(Buffer.from('L\0'))).toEqual(['xgboost-model.ubj'])
    const [early, late] = atTwoTimes(() => modelArchive(json))
    expect(early.equals(late)).toBe(true)
    expect(parseTar(new Uint8Array(gunzipSync(modelArchive(json))))).toHaveLength(1)
  })
  it('are refused without exactly one model, or when they are no archives', () => {
    const file = (name: string) => ({ name, bytes: Buffer.from('x') })
    expect(findModel([file('xgboost-model'), file('metrics.json')]).name).toBe('xgboost-model')
    for (const files of [[], [file('model.bin')], [file('xgboost-model'), file('xgboost-model.json')]])
      expect(() => findModel(files)).toThrow(expect.objectContaining({ code: 'ILLEGAL_STATE' }))
    expect(() => extractTarGz(Buffer.from('not gzip'))).toThrow(
      expect.objectContaining({ code: 'ILLEGAL_STATE' }),
    )
  })
})

describe('the contents of a package', () => {
  const cfg = config({ selfTestRows: 16, sampling: { audit: 0.5, hard: { margin: 0.1, probability: 0.2 } } })
  const model = stumpModel(0.1, -0.3, 0.7)
  const rows = {
    features: Array.from({ length: 100 }, (_, i) => [i / 300, i % 5 === 0 ? Number.NaN : 0.1 * i]),
    labels: Array.from({ length: 100 }, (_, i) => (i >= 30 ? 1 : 0)),
  }
  it('have self-test rows that the artefact answers bit for bit', () => {
    const test = makeSelfTest(cfg, rows, marginsOf(model, cfg))
    expect(selfTest.parse(test)).toEqual(test)
    expect(test.rows).toHaveLength(17)
    const artefact = loadArtefact(compile(model, { target: 'board' }).artefact)
    // The text is all that the device gets.
    const received = selfTest.parse(JSON.parse(JSON.stringify(test)))
    received.rows.forEach((row, i) => {
      const margins = artefact.margins(row.map(v => v ?? Number.NaN))
      expect(Array.from(margins, hexFloat32)).toEqual(received.margins[i])
    })
    expect(new Set(test.margins.flat()).size).toBe(2)
    expect(test.rows.at(-1)).toEqual([expect.any(Number), null])
  })
  it('have at most 256 self-test rows, and as many as there are', () => {
    const many = { features: Array.from({ length: 500 }, (_, i) => [i, i]), labels: new Array(500).fill(0) }
    const margins = marginsOf(model, cfg)
    expect(makeSelfTest({ ...cfg, selfTestRows: 256 }, many, margins).rows).toHaveLength(256)
    const few = { features: rows.features.slice(0, 3), labels: rows.labels.slice(0, 3) }
    expect(makeSelfTest(cfg, few, margins).rows).toHaveLength(4)
  })
  it('have a contract and a baseline that fit theirs', () => {
    const contract = ioContract(cfg, 3, 'board')
    expect(ioContractSchema.parse(contract)).toEqual(contract)
    const other = ioContract(config({ sampling: { audit: 0.4 } }), 3, 'board')
    expect(other.sampling.policy).not.toBe(contract.sampling.policy)
    const made = makeBaseline(cfg, rows, rows, marginsOf(model, cfg), 'training')
    expect(baseline.parse(made)).toEqual(made)
    expect(made).toMatchObject({ source: 'training', rows: 100, error: 0 })
    expect(made.features.map(f => f.name)).toEqual(['a', 'b'])
  })
  it('are refused for a model of another shape', () => {
    expect(() => marginsOf(stumpModel(0.1, 0, 1, 3), cfg)).toThrow(
      expect.objectContaining({ reason: 'FEATURE_COUNT', field: 'features' }),
    )
    const three = config({ task: 'multiclass', label: { column: 'y', classes: ['p', 'q', 'r'] } })
    expect(() => marginsOf(model, three)).toThrow(expect.objectContaining({ reason: 'OUTPUT_COUNT' }))
  })
  it('write f32 as the hex of its bytes', () => {
    expect([1, -0.5, 0, Math.fround(0.1)].map(hexFloat32)).toEqual([
      '3f800000',
      'bf000000',
      '00000000',
      '3dcccccd',
    ])
  })
})
