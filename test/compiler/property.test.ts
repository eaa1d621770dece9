import fc from 'fast-check'
import { expect, it } from 'vitest'
import { engine } from '../../compiler/engine.ts'
import { compile, interpret, ModelFormatError, readXgboost } from '../../compiler/index.ts'
import { loadArtefact } from '../../compiler/run.ts'
import { LAYOUTS } from '../../compiler/wasm/plan.ts'
import { anyModel, fixture, hex } from './support.ts'

it.each(LAYOUTS)('%s: wasm equals the interpreter bit for bit, and validates', layout => {
  fc.assert(
    fc.property(anyModel, ({ source, rows }) => {
      const ensemble = readXgboost(source)
      const { artefact } = compile(source, { layout })
      expect(engine.validate(artefact)).toBe(true)
      const loaded = loadArtefact(artefact)
      for (const row of rows) expect(hex(loaded.margins(row))).toEqual(hex(interpret(ensemble, row)))
    }),
    { numRuns: 150 },
  )
})

it('the default layout too', () => {
  fc.assert(
    fc.property(anyModel, ({ source, rows }) => {
      const ensemble = readXgboost(source)
      const loaded = loadArtefact(compile(source).artefact)
      for (const row of rows) expect(hex(loaded.margins(row))).toEqual(hex(interpret(ensemble, row)))
    }),
    { numRuns: 50 },
  )
})

/** Reads, and compiles what could be read: only ModelFormatError may come out. */
const readsOrRefuses = (source: Uint8Array): void => {
  try {
    readXgboost(source)
  } catch (error) {
    expect(error).toBeInstanceOf(ModelFormatError)
    return
  }
  expect(engine.validate(compile(source).artefact)).toBe(true)
}

type Place = { holder: Record<string, unknown>; key: string }

const places = (value: unknown, out: Place[] = []): Place[] => {
  if (typeof value !== 'object' || value === null) return out
  for (const key of Object.keys(value)) {
    const holder = value as Record<string, unknown>
    out.push({ holder, key })
    places(holder[key], out)
  }
  return out
}

const hostile = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    '',
    '[',
    'NaN',
    -1,
    1e308,
    1e39,
    0.5,
    2 ** 31,
    2 ** 53,
    '99999999999',
    {},
    [],
  ),
  fc.jsonValue(),
  fc.integer({ min: -2, max: 12 }),
)

it('reading a mutated JSON document throws ModelFormatError or gives a model that compiles', () => {
  const text = new TextDecoder().decode(fixture('binary-3.2.json.gz'))
  const count = places(JSON.parse(text)).length
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(count - 1), hostile), { minLength: 1, maxLength: 3 }), edits => {
      const document: unknown = JSON.parse(text)
      const all = places(document)
      for (const [index, value] of edits) {
        const { holder, key } = all[index]!
        if (value === undefined) delete holder[key]
        else holder[key] = value
      }
      readsOrRefuses(new TextEncoder().encode(JSON.stringify(document)))
    }),
    { numRuns: 500 },
  )
})

it.each(['binary-3.2.json.gz', 'binary-3.2.ubj.gz'])('%s: so does damaging its bytes', name => {
  const original = fixture(name)
  const edit = fc.tuple(fc.nat(original.length - 1), fc.nat(255))
  fc.assert(
    fc.property(
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      fc.option(fc.nat(original.length)),
      (edits, cut) => {
        const bytes = original.slice(0, cut ?? original.length)
        for (const [at, byte] of edits) if (at < bytes.length) bytes[at] = byte
        readsOrRefuses(bytes)
      },
    ),
    { numRuns: 400 },
  )
})
