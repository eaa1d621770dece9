/** Runs the suite from a seed on until something is wrong: `node child.mjs FIRST RUNS [CHECK]`. Prints the outcome as JSON. */
import { attack } from './suite.ts'

const [first = 1, runs = 1, focus] = process.argv.slice(2).map(Number)
const outcome = { runs: 0, violation: null as string | null }
for (let seed = first; seed < first + runs && outcome.violation === null; seed++) {
  outcome.runs++
  try {
    await attack(seed, focus)
  } catch (error) {
    outcome.violation = (error as Error).message
  }
}
process.stdout.write(`${JSON.stringify(outcome)}\n`)
