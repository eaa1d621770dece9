/**
 * Sizes of deltas for real updates of real models, and what they cost. Everything is seeded, so sizes repeat to the
 * byte; times and memory are those of this machine.
 *   node bench/delta/main.ts [sizes | blocks | apply]     default: all three
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { applyDelta, makeDelta, readDelta } from '../../delta/index.ts'
import { planes, zstdFull, zstdPatch } from './baselines.ts'
import type { UpdateCase } from './cases.ts'
import { GRID, TOLERANCE, treeCases } from './tree-cases.ts'
import { WEIGHT_SEED, weightCases } from './weight-cases.ts'

const here = dirname(fileURLToPath(import.meta.url))
const print = (line: string): void => void process.stdout.write(`${line}\n`)
const percent = (part: number, whole: number): string => ((100 * part) / whole).toFixed(1)

function made(base: Uint8Array, target: Uint8Array, blockSize?: number): Uint8Array {
  const delta = makeDelta(base, target, blockSize === undefined ? {} : { blockSize })
  const out = applyDelta(base, delta, readDelta(delta).target)
  if (Buffer.compare(out, target) !== 0) throw new Error('the target came out differently')
  return delta
}

function sizes(cases: readonly UpdateCase[]): void {
  print('\nBytes of the update as a percentage of the full package; all bit-exact')
  print('| package | update | accuracy | full, KB | zstd | zstd patch | planes + deflate, 4 KiB | ours |')
  print('|---|---|---|---|---|---|---|---|')
  for (const { group, kind, base, target, accuracy, unchanged } of cases) {
    const scores = `${accuracy.before.toFixed(3)} → ${accuracy.after.toFixed(3)}`
    const equal = unchanged === undefined ? '' : `, ${percent(unchanged, 1)} % of int8 unchanged`
    const width = group.includes('int8') ? 1 : 4
    const columns = [zstdFull(target), zstdPatch(base, target), planes(base, target, width)]
    const ours = made(base, target).length
    print(
      `| ${group} | ${kind}${equal} | ${scores} | ${(target.length / 1000).toFixed(0)} | ${columns
        .map(n => percent(n, target.length))
        .join(' | ')} | **${percent(ours, target.length)}** |`,
    )
  }
}

function blocks(cases: readonly UpdateCase[]): void {
  const all = [4_096, 16_384, 65_536]
  print(`\nThe same by block size: ${all.join(', ')} bytes`)
  for (const { group, kind, base, target } of cases)
    print(
      `  ${`${group}: ${kind}`.padEnd(66)} ${all
        .map(size => percent(made(base, target, size).length, target.length).padStart(6))
        .join('')}`,
    )
}

interface Run {
  readonly cpu: number
  readonly rss: number
}
const child = (way: string, dir: string): Run => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(here, 'child.ts'), way, dir], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`child.ts failed: ${stderr}`)
  return JSON.parse(stdout)
}

const COPIES = 16

/** Processor time and memory for a file of megabytes: the same update again and again. Blocks are independent, so it is no easier for that. */
function apply(cases: readonly UpdateCase[]): void {
  const dir = mkdtempSync(join(tmpdir(), 'bench-delta-'))
  try {
    const idle = child('nothing', dir)
    print(`\nProcessor time per MB of target, and peak memory; an idle process has ${idle.rss.toFixed(0)} MB`)
    for (const { group, kind, base, target } of cases) {
      const [from, to] = [base, target].map(bytes => Buffer.concat(Array(COPIES).fill(bytes)))
      const start = process.cpuUsage()
      const delta = makeDelta(from!, to!)
      const used = process.cpuUsage(start)
      writeFileSync(join(dir, 'base'), from!)
      writeFileSync(join(dir, 'delta'), delta)
      writeFileSync(join(dir, 'target.json'), JSON.stringify(readDelta(delta).target))
      const run = child('apply', dir)
      if (Buffer.compare(readFileSync(join(dir, 'out')), to!) !== 0)
        throw new Error('the target came out differently')
      const megabytes = to!.length / 1e6
      print(
        `  ${`${group}: ${kind}`.padEnd(66)} ${megabytes.toFixed(1)} MB  make ${(
          (used.user + used.system) / 1e6 / megabytes
        ).toFixed(1)} s/MB  apply ${(run.cpu / megabytes).toFixed(0)} ms/MB  peak ${run.rss.toFixed(0)} MB`,
      )
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const wanted = process.argv[2]
const [cpu] = cpus()
print(`${cpus().length} x ${cpu?.model}, node ${process.version}, load ${loadavg()[0]?.toFixed(1)}`)
print(
  `seeds: network ${WEIGHT_SEED} and 1 to 10, trees as in model.yaml; grid ${GRID}; tolerance ${TOLERANCE} x eta`,
)
print('zstd: level 19 of node:zlib, patch = base as dictionary; xdelta3 and bsdiff are not compared')
const weights = weightCases()
const cases = wanted === 'apply' ? weights : [...weights, ...treeCases()]
if (wanted === undefined || wanted === 'sizes') sizes(cases)
if (wanted === undefined || wanted === 'blocks')
  blocks(cases.filter(c => /light|heavy|table|400 trees, nested/.test(`${c.group} ${c.kind}`)))
if (wanted === undefined || wanted === 'apply') apply(weights.filter(c => /light|heavy|scratch/.test(c.kind)))
