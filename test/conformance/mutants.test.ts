import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mutants } from './mutants.ts'
import { brokenAgent, failed, testAgent } from './mutate.ts'
import type { Agent } from './reference.ts'

let dir: string
const agents = new Map<string, Agent>()
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'conformance-'))
  const built = await Promise.all(mutants.map(mutant => brokenAgent(mutant, dir)))
  mutants.forEach(({ name }, i) => void agents.set(name, built[i]!))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** `matrix.ts` holds each against all requirements, which takes minutes; here are those that fail, and some beside them. */
const NEAR = ['DEV-UPD-01', 'DEV-SEQ-01', 'DEV-MSG-01', 'DEV-CONN-04']

describe('a device that is broken on purpose', () => {
  it('is tried in at least ten ways, and in every group of requirements that has ways of its own', () => {
    expect(mutants.length).toBeGreaterThanOrEqual(10)
    const groups = new Set(mutants.flatMap(({ fails }) => fails.map(id => id.split('-')[1])))
    expect([...groups].sort()).toEqual(
      [
        'ASK',
        'BAR',
        'CONN',
        'CUT',
        'FETCH',
        'HELLO',
        'MON',
        'MSG',
        'OUT',
        'REP',
        'ROB',
        'SAMPLE',
        'SEQ',
        'SHADOW',
        'SLOT',
      ].concat(['TRUST', 'UPD']),
    )
  })

  it.each(mutants)('and $name fails for it, and for nothing else', async ({ name, fails }) => {
    const outcome = await testAgent(agents.get(name)!, { only: [...fails, ...NEAR] })
    expect(failed(outcome).sort()).toEqual(fails.toSorted())
    expect(outcome.passed).toBe(false)
  })
})
