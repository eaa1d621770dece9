import { describe, expect, it } from 'vitest'
import { engine } from '../../compiler/engine.ts'
import { compile } from '../../compiler/index.ts'
import { interpretMargins } from '../../compiler/predict.ts'
import { ArtefactError, loadArtefact } from '../../compiler/run.ts'
import { ByteWriter } from '../../compiler/wasm/encode.ts'
import { encode, fixture, modelJson } from './support.ts'

const { artefact } = compile(
  encode(modelJson([{ feature: 1, threshold: 0, defaultLeft: true, left: { leaf: 1 }, right: { leaf: 2 } }])),
)

interface Section {
  id: number
  body: Uint8Array
}

const split = (bytes: Uint8Array): Section[] => {
  const sections: Section[] = []
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at++]!
    let size = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!
      size |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    sections.push({ id, body: bytes.slice(at, at + size) })
    at += size
  }
  return sections
}

const joined = (sections: readonly Section[]): Uint8Array => {
  const out = new ByteWriter().append(artefact.subarray(0, 8))
  for (const { id, body } of sections) out.byte(id).sized(body)
  return out.bytes()
}

const sections = split(artefact)
const metadata = JSON.parse(new TextDecoder().decode(sections[0]!.body.subarray(9)))

const replaced = (id: number, body: Uint8Array): Uint8Array =>
  joined(sections.map(section => (section.id === id ? { id, body } : section)))

const inserted = (before: number, section: Section): Uint8Array =>
  joined(sections.flatMap(one => (one.id === before ? [section, one] : [one])))

const withMetadata = (change: object): Uint8Array =>
  replaced(
    0,
    new ByteWriter()
      .name('edgeloop')
      .append(encode({ ...metadata, ...change }))
      .bytes(),
  )

describe('refuses a module', () => {
  const cases: [string, string, Uint8Array, boolean][] = [
    [
      'with imports',
      'has imports',
      inserted(3, { id: 2, body: new ByteWriter().u32(1).name('a').name('b').byte(0x00, 0x00).bytes() }),
      true,
    ],
    ['with an empty import section', 'has imports', inserted(3, { id: 2, body: Uint8Array.of(0) }), true],
    ['with a start function', 'has a start function', inserted(10, { id: 8, body: Uint8Array.of(0) }), false],
    ['with a table', 'has a table', inserted(5, { id: 4, body: Uint8Array.of(1, 0x70, 0, 1) }), true],
    [
      'with memory that may grow without bound',
      'one memory with a maximum',
      replaced(5, Uint8Array.of(1, 0, 1)),
      true,
    ],
    ['with shared memory', 'one memory with a maximum', replaced(5, Uint8Array.of(1, 3, 1, 1)), true],
    ['with two memories', 'one memory with a maximum', replaced(5, Uint8Array.of(2, 1, 1, 1, 1, 1, 1)), true],
    ['without memory', 'has no memory', joined(sections.filter(({ id }) => id !== 5)), false],
    [
      'with sections out of order',
      'out of order',
      joined([...sections, { id: 5, body: Uint8Array.of(1, 1, 1, 1) }]),
      false,
    ],
    [
      'with an unknown section',
      'unknown kind 99',
      joined([...sections, { id: 99, body: Uint8Array.of() }]),
      false,
    ],
    ['that is cut off', 'is cut off', artefact.subarray(0, artefact.length - 1), false],
    ['that is another file', 'is not a WebAssembly 1.0 module', encode({}), false],
    ['that is empty', 'is not a WebAssembly 1.0 module', new Uint8Array(), false],
    ['with broken code', 'does not load', replaced(10, Uint8Array.of(1, 2, 0, 0)), false],
    [
      'without metadata',
      'must have one edgeloop section',
      joined(sections.filter(({ id }) => id !== 0)),
      true,
    ],
    ['with metadata twice', 'must have one edgeloop section', joined([sections[0]!, ...sections]), true],
    [
      'with metadata that is not JSON',
      'not JSON',
      replaced(0, new ByteWriter().name('edgeloop').byte(0x7b).bytes()),
      true,
    ],
    [
      'with metadata that is null',
      'not an object',
      replaced(0, new ByteWriter().name('edgeloop').append(encode(null)).bytes()),
      true,
    ],
    ['of another format', 'has format version 2', withMetadata({ formatVersion: 2 }), true],
    ['with incomplete metadata', 'incomplete metadata', withMetadata({ objective: 7 }), true],
    ['that contradicts its metadata', 'disagrees', withMetadata({ numFeature: 4 }), true],
    ['without our exports', 'does not export its memory', replaced(7, Uint8Array.of(0)), true],
  ]
  it.each(cases)('%s', (_name, message, bytes, valid) => {
    // Where the engine itself would accept the module, the refusal is ours alone.
    expect(engine.validate(bytes)).toBe(valid)
    expect(() => loadArtefact(bytes)).toThrow(ArtefactError)
    expect(() => loadArtefact(bytes)).toThrow(message)
  })

  it("above the caller's caps", () => {
    expect(() => loadArtefact(artefact, { maxMemoryBytes: 65535 })).toThrow('may use 65536 bytes of memory')
    expect(() => loadArtefact(artefact, { maxBytes: artefact.length - 1 })).toThrow('the limit is')
    expect(
      loadArtefact(artefact, { maxMemoryBytes: 65536, maxBytes: artefact.length }).metadata.numFeature,
    ).toBe(3)
  })

  it('with a huge declared maximum', () => {
    const body = new ByteWriter().u32(1).byte(0x01).u32(1).u32(65536).bytes()
    expect(() => loadArtefact(replaced(5, body))).toThrow('may use 4294967296 bytes')
  })
})

describe('runs', () => {
  const loaded = loadArtefact(artefact)

  it('any kind of row, rounded to f32', () => {
    expect(loaded.margins([9, -1e-60, 9])[0]).toBe(2)
    expect(loaded.margins([9, -1e-40, 9])[0]).toBe(1)
    expect(loaded.margins(new Float64Array([9, Number.NaN, 9]))[0]).toBe(1)
  })

  it('rows of the right length only', () => {
    expect(() => loaded.margins([1, 2])).toThrow('row must have 3 numbers, found 2')
    expect(() => loaded.marginsBatch([1, 2])).toThrow('multiple of 3 numbers, found 2')
    expect(loaded.marginsBatch([])).toHaveLength(0)
  })

  it('batches larger than its buffer, and results that later calls leave alone', () => {
    const rows = Float32Array.from({ length: 3 * 1000 }, (_, i) => (i % 2 === 0 ? -1 : 1))
    const all = loaded.marginsBatch(rows)
    const first = loaded.margins([0, -1, 0])
    loaded.margins([0, 1, 0])
    expect(first[0]).toBe(1)
    expect(all).toHaveLength(1000)
    all.forEach((margin, i) => {
      expect(margin).toBe(rows[i * 3 + 1]! < 0 ? 1 : 2)
    })
  })

  it('many instances side by side', () => {
    const other = loadArtefact(compile(fixture('multi-3.2.json.gz')).artefact)
    expect(other.margins(new Float32Array(9))).toHaveLength(7)
    expect(loaded.margins([0, -1, 0])[0]).toBe(1)
  })
})

describe('what margins mean', () => {
  const of = (objective: string, ...margins: number[]) =>
    interpretMargins(objective, Float32Array.from(margins))

  it('two classes', () => {
    expect(of('binary:logistic', 0)).toMatchObject({ probabilities: [0.5, 0.5], label: 0, value: null })
    expect(of('binary:logistic', 2).probabilities![1]).toBe(1 / (1 + Math.exp(-2)))
    expect(of('binary:hinge', 0.1)).toMatchObject({ probabilities: null, label: 1 })
  })

  it('more classes: softmax, first of equals', () => {
    const { probabilities, label } = of('multi:softprob', 1, 3, 3)
    expect(label).toBe(1)
    expect(probabilities!.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 15)
    expect(probabilities![1]! / probabilities![0]!).toBeCloseTo(Math.exp(2), 12)
    expect(of('multi:softmax', Number.POSITIVE_INFINITY, 1).probabilities).toEqual([1, 0])
  })

  it('regression on its response scale', () => {
    expect(of('reg:squarederror', 1.5)).toMatchObject({ value: 1.5, label: null, probabilities: null })
    expect(of('count:poisson', 1).value).toBe(Math.E)
    expect(of('reg:logistic', 0).value).toBe(0.5)
  })
})
