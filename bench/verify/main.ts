/**
 * What verification costs on a device, against `openssl dgst -sha256` on the same file, as ratios within a round.
 *   node bench/verify/main.ts [ROUNDS [MB …]]     default: 12 rounds on packages of 1, 16, 64 and 256 MB
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compareJson } from './json.ts'
import { writePackage } from './packages.ts'

const WAYS = {
  'one-pass': 'node:crypto, one pass, nothing verified',
  memory: 'verifyPackage, file read whole',
  'one-thread': 'verifyStoredPackage, one thread',
  'two-threads': 'verifyStoredPackage, second thread started for it',
  'ready-thread': 'verifyStoredPackage, second thread there before',
}
interface Run {
  readonly wall: number
  readonly cpu: number
  readonly rss: number
}

const here = dirname(fileURLToPath(import.meta.url))
const print = (line: string): void => void process.stdout.write(`${line}\n`)

function run(command: string, args: readonly string[]): { output: string; wall: number } {
  const start = performance.now()
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} failed: ${stderr}`)
  return { output: stdout, wall: performance.now() - start }
}
const child = (way: string, dir: string): Run =>
  JSON.parse(run(process.execPath, [join(here, 'child.ts'), way, dir]).output)

const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.round(q * (values.length - 1))]!
const spread = (values: readonly number[], digits: number): string =>
  `${quantile(values, 0.5).toFixed(digits)} (${quantile(values, 0.1).toFixed(digits)} to ${quantile(values, 0.9).toFixed(digits)})`

function measure(root: string, megabytes: number, rounds: number): void {
  const dir = join(root, `${megabytes}`)
  writePackage(dir, megabytes * 1_000_000)
  const base: number[] = []
  const runs = new Map<string, Run[]>(Object.keys(WAYS).map(way => [way, []]))
  // Interleaved and compared within a round, so that a slow moment hits all alike. The first round warms the cache.
  for (let round = -1; round < rounds; round++) {
    const { wall } = run('openssl', ['dgst', '-sha256', join(dir, 'package.tar')])
    const results = Object.keys(WAYS).map(way => [way, child(way, dir)] as const)
    if (round < 0) continue
    base.push(wall)
    for (const [way, result] of results) runs.get(way)!.push(result)
  }
  const idle = child('nothing', dir).rss
  print(
    `\n${megabytes} MB: openssl ${spread(base, 0)} ms with its start; an idle process has ${idle.toFixed(0)} MB`,
  )
  for (const [way, text] of Object.entries(WAYS)) {
    const of = runs.get(way)!
    const ratios = of.map((r, i) => r.wall / base[i]!)
    const rss = Math.max(...of.map(r => r.rss))
    print(
      `  ${text.padEnd(52)} ${spread(ratios, 2)}x  ${(
        quantile(
          of.map(r => r.wall),
          0.5,
        ) / megabytes
      ).toFixed(2)} ms/MB` +
        `  processor ${quantile(
          of.map(r => r.cpu),
          0.5,
        ).toFixed(0)} ms  peak ${rss.toFixed(0)} MB`,
    )
  }
  rmSync(dir, { recursive: true })
}

const [rounds = 12, ...sizes] = process.argv.slice(2).map(Number)
const root = mkdtempSync(join(tmpdir(), 'bench-verify-'))
try {
  const [first] = cpus()
  print(
    `${cpus().length} x ${first?.model}, node ${process.version}, ${run('openssl', ['version']).output.trim()}`,
  )
  print(
    `${rounds} rounds; median (10th to 90th percentile); other programs load ${loadavg()[0]?.toFixed(1)} processors`,
  )
  for (const megabytes of sizes.length > 0 ? sizes : [1, 16, 64, 256]) measure(root, megabytes, rounds)
  compareJson(rounds, print)
} finally {
  rmSync(root, { recursive: true, force: true })
}
