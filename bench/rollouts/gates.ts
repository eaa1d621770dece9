/**
 * What the rollout gates are worth, simulated: how often they stop what is good, how soon what is bad.
 *   node bench/rollouts/gates.ts [RUNS [SEED]]     default: 10000 runs per cell, seed 20261121
 */
import { power, units } from './gates/counts.ts'
import { ALPHA } from './gates/fleet.ts'
import { pooledOrNot, skewed } from './gates/means.ts'
import { oneArm } from './gates/one-arm.ts'
import { outages } from './gates/outage.ts'
import { print } from './gates/table.ts'

const [runs = 10_000, seed = 20_261_121] = process.argv.slice(2).map(Number)
if (!(Number.isSafeInteger(runs) && runs > 0 && Number.isSafeInteger(seed)))
  throw new RangeError('usage: gates.ts [RUNS [SEED]], both whole numbers')
print(`${runs} runs per cell, seed ${seed}, node ${process.version}`)
print(
  `False-stop budget 0.05: ${Object.entries(ALPHA)
    .map(([metric, alpha]) => `${metric} ${Number(alpha.toFixed(6))}`)
    .join(', ')}`,
)
print()
oneArm(seed, runs)
outages(seed, runs)
power(seed, runs)
units(seed, runs)
pooledOrNot(seed, runs)
skewed(seed, runs)
process.stderr.write(`${(process.cpuUsage().user / 1e6).toFixed(0)} s of processor time\n`)
