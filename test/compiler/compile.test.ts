import { describe, expect, it } from 'vitest'
import { checkParity } from '../../compiler/check.ts'
import { CompileError, compile, interpret, readXgboost } from '../../compiler/index.ts'
import { neighbour, probeRows } from '../../compiler/probe.ts'
import { loadArtefact } from '../../compiler/run.ts'
import { LAYOUTS } from '../../compiler/wasm/plan.ts'
import { encode, fixture, fixtureNames, hex, modelJson, type Shape } from './support.ts'

const leaf = (value: number): Shape => ({ leaf: value })

const full = (depth: number, seed: number): Shape =>
  depth === 0
    ? leaf(((seed * 37) % 101) / 64)
    : {
        feature: seed % 3,
        threshold: Math.fround(((seed * 29) % 97) / 97),
        defaultLeft: seed % 2 === 0,
        left: full(depth - 1, seed * 2 + 1),
        right: full(depth - 1, seed * 2 + 2),
      }

/** A tree that is one long path, turning left and right. */
const path = (depth: number): Shape => {
  let shape: Shape = leaf(1)
  for (let i = 0; i < depth; i++) {
    const side = leaf(i / 8)
    const down = { feature: i % 3, threshold: Math.fround((i * 0.618) % 1), defaultLeft: i % 3 === 0 }
    shape = i % 2 === 0 ? { ...down, left: shape, right: side } : { ...down, left: side, right: shape }
  }
  return shape
}

const agrees = (source: Uint8Array, artefact: Uint8Array): void => {
  const ensemble = readXgboost(source)
  const loaded = loadArtefact(artefact)
  for (let i = 0; i < 40; i++) {
    const row = Float32Array.from([(i * 0.37) % 1, (i * 0.61) % 1, i % 5 === 0 ? Number.NaN : (i * 0.11) % 1])
    expect(hex(loaded.margins(row))).toEqual(hex(interpret(ensemble, row)))
  }
}

describe('report', () => {
  it('describes the artefact', () => {
    const source = fixture('multi-3.2.json.gz')
    const { artefact, report } = compile(source, { target: 'rasp4b' })
    expect(report).toMatchObject({
      bytes: artefact.length,
      objective: 'multi:softprob',
      numFeature: 9,
      numOutput: 7,
      trees: 28,
      iterations: { used: 4, total: 4 },
      target: 'rasp4b',
      parity: { maxAbsDiff: 0 },
    })
    expect(report.parity.rows).toBeGreaterThan(100)
    expect(report.sourceDigest).toMatch(/^[0-9a-f]{64}$/)
    expect(loadArtefact(artefact).metadata).toMatchObject({
      layout: report.layout,
      sourceDigest: report.sourceDigest,
      target: 'rasp4b',
    })
  })

  it.each(fixtureNames('.json.gz').filter(name => !name.startsWith('refused')))(
    '%s: same input, same bytes',
    name => {
      expect(compile(fixture(name)).artefact).toEqual(compile(fixture(name)).artefact)
    },
  )

  it('carries feature names into the artefact', () => {
    const { metadata } = loadArtefact(compile(fixture('missing-3.2.json.gz')).artefact)
    expect(metadata.featureNames).toContain('annual_inc')
  })
})

describe('options', () => {
  const source = encode(modelJson([leaf(1), leaf(2)]))

  it.each([
    [{ iterations: 3 }, 'iterations must be best, all, or from 1 to 2, found 3'],
    [{ iterations: 0 }, 'from 1 to 2'],
    [{ layout: 'fast' as 'table' }, 'layout must be one of nested, branchless, table'],
    [{ layout: 'table' as const, autotune: [[1, 2, 3]] }, 'exclude each other'],
    [{ autotune: [] }, 'at least one calibration row'],
    [{ autotune: [[1]] }, 'autotune[0] must have 3 numbers, found 1'],
    [{ probeRows: [[1, 2, 3, 4]] }, 'probeRows[0] must have 3 numbers, found 4'],
    [{ baseMargin: [1, 2] }, 'baseMargin must hold 1 finite numbers'],
    [{ baseMargin: [1e39] }, 'baseMargin must hold 1 finite numbers'],
  ])('%j is refused', (options, message) => {
    expect(() => compile(source, options)).toThrow(CompileError)
    expect(() => compile(source, options)).toThrow(message)
  })

  it('compiles a prefix of the iterations', () => {
    expect(loadArtefact(compile(source, { iterations: 1 }).artefact).margins([0, 0, 0])[0]).toBe(1)
    expect(loadArtefact(compile(source).artefact).margins([0, 0, 0])[0]).toBe(3)
  })

  it('autotune reports every layout, fastest first, and uses the first', () => {
    const { report, artefact } = compile(encode(modelJson([full(4, 1), full(4, 2)])), {
      autotune: [[0, 0.5, 1]],
    })
    const times = report.autotune!.map(({ nanosecondsPerRow }) => nanosecondsPerRow)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(report.autotune!.map(({ layout }) => layout).toSorted()).toEqual([...LAYOUTS].toSorted())
    expect(report.layout).toBe(report.autotune![0]!.layout)
    expect(loadArtefact(artefact).metadata.layout).toBe(report.layout)
  })
})

describe('self-check', () => {
  const source = encode(modelJson([full(3, 1)]))
  const { artefact } = compile(source)
  const ensemble = readXgboost(source)
  const tree = ensemble.trees[0]!
  const rows = probeRows(ensemble)

  it.each([
    ['a threshold one ulp up', 'value', 0],
    ['a leaf one ulp up', 'value', 14],
    ['a default the other way', 'defaultLeft', 0],
    ['another feature', 'feature', 2],
  ] as const)('notices %s', (_name, field, node) => {
    const changed = tree.nodes[field].slice()
    changed[node] = field === 'value' ? neighbour(changed[node]!, true) : (changed[node]! + 1) % 2
    const other = { ...ensemble, trees: [{ ...tree, nodes: { ...tree.nodes, [field]: changed } }] }
    expect(checkParity(artefact, ensemble, rows)).toEqual({ rows: rows.length, maxAbsDiff: 0 })
    expect(() => checkParity(artefact, other, rows)).toThrow(/self-check failed: probe row \d+, output 0/)
  })

  it('notices an artefact that does not load', () => {
    expect(() => checkParity(artefact.subarray(0, 100), ensemble, rows)).toThrow(CompileError)
  })

  it('probes each threshold and both neighbours', () => {
    for (let node = 0; node < 7; node++) {
      const f = tree.nodes.feature[node]!
      const t = tree.nodes.value[node]!
      for (const x of [neighbour(t, false), t, neighbour(t, true), Number.NaN])
        expect(rows.some(row => Object.is(row[f], x))).toBe(true)
    }
  })

  it('steps to the neighbouring f32', () => {
    expect(neighbour(0, true)).toBe(2 ** -149)
    expect(neighbour(-0, false)).toBe(-(2 ** -149))
    expect(neighbour(1, true)).toBe(1 + 2 ** -23)
    expect(neighbour(-1, true)).toBe(-1 + 2 ** -24)
    expect(neighbour(3.4028234663852886e38, true)).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('limits', () => {
  it.each([30, 48, 49, 300, 20_000])('a path of depth %i', depth => {
    const source = encode(modelJson([path(depth), full(3, 5), path(2)]))
    for (const layout of LAYOUTS) {
      const { artefact, report } = compile(source, { layout })
      expect(report.maxDepth).toBe(depth)
      agrees(source, artefact)
    }
  })

  it('a full tree of depth 12', () => {
    const source = encode(modelJson([full(12, 1)]))
    for (const layout of LAYOUTS) agrees(source, compile(source, { layout }).artefact)
  })

  it('5,000 trees', () => {
    const source = encode(modelJson(Array.from({ length: 5000 }, (_, i) => full(i % 4, i))))
    for (const layout of LAYOUTS) {
      const { artefact, report } = compile(source, { layout })
      expect(report.trees).toBe(5000)
      agrees(source, artefact)
    }
  }, 60_000)

  it('single leaves, and no tree at all', () => {
    for (const layout of LAYOUTS) {
      const leaves = encode(modelJson([leaf(-0), leaf(0.5), leaf(2 ** -149)]))
      agrees(leaves, compile(leaves, { layout }).artefact)
      agrees(encode(modelJson([])), compile(encode(modelJson([])), { layout }).artefact)
    }
  })

  it('minus zero survives in every lane of the branchless layout', () => {
    const model = modelJson([leaf(-0)], { objective: 'reg:squarederror', baseScore: '-0E0' })
    for (const layout of LAYOUTS)
      expect(hex(loadArtefact(compile(encode(model), { layout }).artefact).margins([0, 0, 0]))).toEqual([
        '80000000',
      ])
  })

  it('more features than the branchless layout can address', () => {
    const shape: Shape = { feature: 20_000, threshold: 1, defaultLeft: false, left: leaf(1), right: leaf(2) }
    const source = encode(modelJson([shape], { numFeature: 20_001 }))
    for (const layout of LAYOUTS) {
      const loaded = loadArtefact(compile(source, { layout }).artefact)
      const row = new Float32Array(20_001)
      expect(loaded.margins(row)[0]).toBe(1)
      row[20_000] = 1
      expect(loaded.margins(row)[0]).toBe(2)
    }
  })

  it('mixes layouts in tree order where trees differ', () => {
    expect(compile(encode(modelJson([full(3, 1), path(60)])), { layout: 'nested' }).report.layout).toBe(
      'nested+table',
    )
    expect(
      compile(encode(modelJson([full(3, 1), path(20), path(60)])), { layout: 'branchless' }).report.layout,
    ).toBe('nested+branchless+table')
  })
})

describe('default layout', () => {
  it('is branchless for full trees, nested for lean ones, a table for huge ones', () => {
    const of = (trees: Shape[]): string => compile(encode(modelJson(trees))).report.layout
    expect(of(Array.from({ length: 8 }, (_, i) => full(6, i)))).toBe('branchless')
    expect(of(Array.from({ length: 8 }, () => path(6)))).toBe('nested')
    const huge = encode(modelJson([full(17, 1)]))
    expect(compile(huge).report.layout).toBe('table')
    expect(compile(huge, { layout: 'nested' }).report.layout).toBe('table')
  }, 60_000)
})
