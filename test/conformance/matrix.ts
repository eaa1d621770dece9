/**
 * `node test/conformance/matrix.ts [PART OF A NAME]`: every broken device against every requirement, which takes minutes.
 * Exit status 1 when one fails other requirements than it should.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mutants } from './mutants.ts'
import { brokenAgent, failed, testAgent } from './mutate.ts'

const dir = mkdtempSync(join(tmpdir(), 'conformance-'))
try {
  for (const mutant of mutants.filter(({ name }) => name.includes(process.argv[2] ?? ''))) {
    const outcome = await testAgent(await brokenAgent(mutant, dir))
    const found = failed(outcome)
    const right = found.toSorted().join() === mutant.fails.toSorted().join()
    if (!right) process.exitCode = 1
    process.stdout.write(`${right ? '✓' : '✗'} ${mutant.name}: ${found.join(', ') || 'nothing'}\n`)
    if (!right)
      for (const { id, verdict, evidence } of outcome.verdicts)
        if (verdict === 'fail') process.stdout.write(`    ${id} ${evidence}\n`)
  }
} finally {
  rmSync(dir, { recursive: true, force: true })
}
