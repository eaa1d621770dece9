import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build, type Plugin } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { REASONS } from '../../verifier/index.ts'
import { type Mutant, mutants } from './mutants.ts'
import { attack, movesOf, THEFTS } from './suite.ts'

/** Fixed, so that a failure is the same everywhere; `node test/attack/child.ts FIRST RUNS` tries others. */
const FIRST = 1
const RUNS = 150
/** A check that is gone is noticed within so many runs. */
const MUTANT_RUNS = 400

const root = fileURLToPath(new URL('../../', import.meta.url))
const run = promisify(execFile)
let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'attack-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** The code with the mutant's lines in place of its own; each must be there exactly once. */
function mutation({ edits }: Mutant): Plugin {
  const files = new Set(edits.map(e => e.file))
  return {
    name: 'mutation',
    setup(building) {
      building.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const file = relative(root, path)
        if (!files.has(file)) return undefined
        let contents = readFileSync(path, 'utf8')
        for (const { find, put } of edits.filter(e => e.file === file)) {
          if (contents.split(find).length !== 2) throw new Error(`${file}: not there exactly once: ${find}`)
          contents = contents.replace(find, () => put)
        }
        files.delete(file)
        return { contents, loader: 'ts' }
      })
      building.onEnd(() => {
        if (files.size > 0) throw new Error(`not part of the agent: ${[...files].join(', ')}`)
      })
    },
  }
}

async function runMutant(mutant: Mutant, name: string): Promise<{ runs: number; violation: string | null }> {
  const outfile = join(dir, `${name}.mjs`)
  await build({
    entryPoints: [join(root, 'test/attack/child.ts')],
    ...{ outfile, bundle: true, platform: 'node', format: 'esm', target: 'node24', logLevel: 'silent' },
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    plugins: [mutation(mutant)],
  })
  const { stdout } = await run(process.execPath, [outfile, ...[FIRST, MUTANT_RUNS, mutant.check].map(String)])
  return JSON.parse(stdout)
}

describe('an attacker who owns the broker and the bucket, and one online key or none', () => {
  it.each(THEFTS)('never makes a device run or accept what it must not (%s stolen)', async theft => {
    const moves = new Set<string>()
    const codes = new Set<string>()
    for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
      if (THEFTS[seed % THEFTS.length] !== theft) continue
      const report = await attack(seed)
      for (const move of report.moves) moves.add(move)
      for (const code of report.codes) codes.add(code)
    }
    // An attack that was never tried proves nothing.
    expect(Object.keys(movesOf(theft)).filter(move => !moves.has(move))).toEqual([])
    expect([...codes].filter(code => !(REASONS as readonly string[]).includes(code))).toEqual([])
    expect(codes.size).toBeGreaterThan(theft === 'deployment' ? 18 : 12)
  })

  it('takes out each of the 17 checks at least once below', () => {
    expect([...new Set(mutants.map(m => m.check))]).toEqual(Array.from({ length: 17 }, (_, i) => i))
  })

  it.each(mutants.map((m, i) => [m.check, m.what, m, `mutant-${i}`] as const))(
    'gets through without check %i: %s',
    async (_check, _what, mutant, name) => {
      const { violation, runs } = await runMutant(mutant, name)
      expect(violation, `${runs} runs found nothing`).toMatch(/^seed \d+/)
    },
  )
})
