import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { compile, type Layout, readXgboost } from '../../compiler/index.ts'
import { loadArtefact } from '../../compiler/run.ts'
import { typedArrayInterpreter } from './baseline.ts'
import { syntheticModels } from './models.ts'

/**
 * Latency of one row, every layout against the plain JavaScript interpreter, as ratios (above 1: faster than it).
 *   node bench/compiler/run.ts                          synthetic models
 *   node bench/compiler/run.ts model.json rows.csv ...  own models with rows (CSV without header, nan for missing)
 */
const ROUNDS = 15
const CALLS = 4000
const LAYOUTS: readonly Layout[] = ['nested', 'branchless', 'table']

interface Case {
  readonly name: string
  readonly source: Uint8Array
  readonly rows: readonly Float32Array[]
}

const fromFiles = (paths: readonly string[]): Case[] =>
  Array.from({ length: paths.length / 2 }, (_, i) => ({
    name: basename(paths[i * 2]!).replace(/\..*$/, ''),
    source: readFileSync(paths[i * 2]!),
    rows: readFileSync(paths[i * 2 + 1]!, 'utf8')
      .trim()
      .split('\n')
      .map(line => Float32Array.from(line.split(','), Number)),
  }))

const time = (
  call: (row: Float32Array) => unknown,
  rows: readonly Float32Array[],
  offset: number,
): number => {
  const start = performance.now()
  for (let i = 0; i < CALLS; i++) call(rows[(i + offset) % rows.length]!)
  return ((performance.now() - start) * 1e6) / CALLS
}

const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.round(q * (values.length - 1))]!

const measure = ({ name, source, rows }: Case): void => {
  const chosen = compile(source).report.layout
  const runners: { name: string; bytes: number; call: (row: Float32Array) => unknown }[] = [
    { name: 'interpreter', bytes: 0, call: typedArrayInterpreter(readXgboost(source)) },
    ...LAYOUTS.map(layout => {
      const { artefact } = compile(source, { layout })
      return { name: layout, bytes: artefact.length, call: loadArtefact(artefact).margins }
    }),
  ]
  for (const runner of runners) for (let i = 0; i < 3; i++) time(runner.call, rows, 0)
  const times = runners.map(() => [] as number[])
  // Rounds are interleaved and compared within a round, so that a slow moment hits all runners alike.
  for (let round = 0; round < ROUNDS; round++)
    runners.forEach((runner, i) => {
      times[i]!.push(time(runner.call, rows, round * CALLS))
    })
  const base = times[0]!
  process.stdout.write(
    `\n${name}: interpreter ${Math.round(quantile(base, 0.5))} ns per row, default layout ${chosen}\n`,
  )
  runners.slice(1).forEach((runner, i) => {
    const ratios = times[i + 1]!.map((value, round) => base[round]! / value)
    const cells = [0.5, 0.1, 0.9].map(q => quantile(ratios, q).toFixed(1))
    process.stdout.write(
      `  ${runner.name.padEnd(10)} ${cells[0]}x (${cells[1]} to ${cells[2]})  ${Math.round(quantile(times[i + 1]!, 0.5))} ns  ${runner.bytes} bytes\n`,
    )
  })
}

const paths = process.argv.slice(2)
for (const one of paths.length > 0 ? fromFiles(paths) : syntheticModels()) measure(one)
