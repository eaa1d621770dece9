import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { type Outcome, type RunOptions, runConformance } from '../../conformance/runner.ts'
import type { Mutant } from './mutants.ts'
import { type Agent, simulatedBench } from './reference.ts'
import { createSimulation } from './simulation.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

const ZOD = pathToFileURL(join(root, 'node_modules/zod/index.js')).href

/** The code with the mutant's lines in place of its own; each must be there exactly once. */
function mutation({ edits }: Mutant): Plugin {
  const left = new Set(edits.map(({ file }) => file))
  return {
    name: 'mutation',
    setup(building) {
      // Loaded once for all copies.
      building.onResolve({ filter: /^zod$/ }, () => ({ path: ZOD, external: true }))
      building.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const file = relative(root, path)
        const mine = edits.filter(edit => edit.file === file)
        if (mine.length === 0) return undefined
        left.delete(file)
        const contents = mine.reduce(
          (text, { find, put }) => {
            if (text.split(find).length !== 2) throw new Error(`${file}: not there exactly once: ${find}`)
            return text.replace(find, () => put)
          },
          readFileSync(path, 'utf8'),
        )
        return { contents, loader: 'ts' }
      })
      building.onEnd(() => {
        if (left.size > 0) throw new Error(`not part of the agent: ${[...left].join(', ')}`)
      })
    },
  }
}

/** The reference device with a mutant's lines. @param dir for the copy */
export async function brokenAgent(mutant: Mutant, dir: string): Promise<Agent> {
  const outfile = join(dir, `${mutant.name.replaceAll(' ', '-')}.mjs`)
  await build({
    entryPoints: [join(root, 'test/conformance/agent.ts')],
    ...{ outfile, bundle: true, platform: 'node', format: 'esm', target: 'node24', logLevel: 'silent' },
    plugins: [mutation(mutant)],
  })
  return (await import(pathToFileURL(outfile).href)) as Agent
}

/** The kit against an agent, in simulated time. */
export function testAgent(agent: Agent, options: RunOptions = {}): Promise<Outcome> {
  const simulation = createSimulation()
  return simulation.run(runConformance(simulatedBench(simulation, agent), { rows: true, ...options }))
}
export const failed = ({ verdicts }: Outcome): string[] =>
  verdicts.filter(({ verdict }) => verdict === 'fail').map(({ id }) => id)
