/**
 * Every command of every runbook, run as it stands there, in order, on the local cloud with the trouble that it is for.
 * A minute of schedules and alarms lasts a second here. The ceremonies with keys have a file of their own.
 */
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startWorld, type World } from '../operations/world.ts'
import { blocksOf, fillIn } from './blocks.ts'
import type { Scene } from './scenario.ts'
import { enableClock, scenarios } from './scenarios.ts'
import { openShell, type Ran } from './shell.ts'

/** In ceremonies.test.ts. */
const ELSEWHERE = [
  ...['first-trust-root', 'rotate-root', 'rotate-model-key', 'rotate-deployment-key', 'lost-root-key'],
  ...['stolen-model-key', 'stolen-deployment-key'],
]
const all = globSync('docs/runbooks/*.md', { cwd: fileURLToPath(new URL('../../', import.meta.url)) }).map(
  file => basename(file, '.md'),
)

let world: World
let scene: Scene
const folders: string[] = []
beforeAll(async () => {
  world = await startWorld({ minuteMs: 1_000 })
  const field = await world.startDevices(['t-1', 't-2', 't-3', 't-4'])
  scene = { world, field }
  await world.release(field)
}, 120_000)
afterAll(async () => {
  await world.close()
  for (const dir of folders) rmSync(dir, { recursive: true, force: true })
})

it('every runbook is tried', () => {
  expect([...Object.keys(scenarios), ...ELSEWHERE].sort()).toEqual(all.sort())
})

describe.each(Object.entries(scenarios))('%s', (name, scenario) => {
  it('does what it says', async () => {
    const dir = mkdtempSync(join(tmpdir(), `edgeloop-runbook-${name}-`))
    folders.push(dir)
    for (const [file, content] of Object.entries(scenario.files?.(scene) ?? {}))
      writeFileSync(join(dir, file), content)
    const shell = openShell(dir, world.env)
    const blocks = blocksOf(name)
    expect(blocks.length).toBeGreaterThan(0)
    await scenario.before?.(scene)
    const runs: Ran[] = []
    try {
      for (const [i, block] of blocks.entries()) {
        const script = fillIn(block.script, (await scenario.words?.(scene, runs)) ?? {})
        const ran = await shell.run(script)
        runs.push(ran)
        const where = `docs/runbooks/${name}.md:${block.line}`
        expect([where, ran.status, ran.status === 0 ? '' : ran.err, ran.out]).toEqual([
          where,
          scenario.statuses?.[i] ?? 0,
          expect.anything(),
          expect.stringMatching(scenario.prints?.[i] ?? /[\s\S]*/),
        ])
        await scenario.between?.[i]?.(scene, ran)
      }
      await scenario.after?.(scene)
    } finally {
      // What one runbook leaves undone when it fails must not fail the next.
      await enableClock(world)
    }
  })
})
