/**
 * The cloud's real handlers and real devices under random schedules, each run to its rest (test/rollout/race).
 *   node bench/rollouts/race.ts [RUNS [SEED]]     default: 1000 runs from seed 1; a failure names its seed
 *   node bench/rollouts/race.ts all               every pair of power cuts and every place of an interruption
 */
import { cutBy, type Interruption, interrupt, updateAhead } from '../../test/rollout/race/exhaustive.ts'
import { product } from '../../test/rollout/race/products.ts'
import { runSchedule, scheduleBy } from '../../test/rollout/race/schedule.ts'
import { yearAway } from '../../test/rollout/race/year.ts'

const print = (text: string): void => {
  process.stdout.write(`${text}\n`)
}
let [runs, failures] = [0, 0]
async function attempt<T>(name: string, run: () => Promise<T>): Promise<T | undefined> {
  runs++
  try {
    return await run()
  } catch (error) {
    failures++
    print(`${name}: ${(error as Error).message.slice(0, 1_000)}`)
    return undefined
  }
}

async function random(count: number, seed: number): Promise<void> {
  const sum = { steps: 0, manifests: 0, switches: 0, starts: 0, commands: 0 }
  const ends = new Map<string, number>()
  for (let n = seed; n < seed + count; n++) {
    const figures = await attempt(`seed ${n}`, () => runSchedule(scheduleBy(n)))
    if (figures === undefined) continue
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += figures[key]
    for (const end of figures.ends) ends.set(end, (ends.get(end) ?? 0) + 1)
  }
  print(`${count} runs from seed ${seed}: ${JSON.stringify(sum)}`)
  print(`rollouts: ${[...ends].map(([status, n]) => `${status} ${n}`).join(', ')}`)
  const years = Math.min(100, Math.ceil(count / 20))
  for (let n = seed; n < seed + years; n++) {
    const back = await attempt(`year ${n}`, () => yearAway({ seed: n, happenings: n % 9, days: 360 }))
    if (back !== undefined && back.took > 1) print(`year ${n}: took ${back.took} manifests`)
  }
  print(`${years} devices were off for a year`)
}

async function exhaustive(): Promise<void> {
  const [second, third] = [await product(2), await product(3)]
  const base = { insufficient: 'proceed' as const }
  const phases = [
    { name: 'canary', exposure: 0.5 },
    { name: 'fleet', exposure: 1 },
  ]
  const interruptions: readonly Interruption[] = [
    ...(['pause', 'promote', 'roll-back'] as const).map(command => ({ name: command, act: { command } })),
    { name: 'keep', act: { command: 'abort', devices: 'keep' } },
    { name: 'revert', act: { command: 'abort', devices: 'revert' } },
    { name: 'supersede', act: { release: third, policy: base } },
  ]
  for (const shadowMinutes of [0, 2]) {
    const from = await updateAhead(second, { ...base, phases: phases.slice(1), shadowMinutes })
    const [changes = 0] = (await cutBy(from, [])).lives
    for (const how of ['before', 'after'] as const)
      for (let at = 0; at < changes; at++) {
        const once = await attempt(`cut ${how} ${at}`, () => cutBy(from, [{ at, how }]))
        for (let then = 0; then < (once?.lives[1] ?? 0); then++)
          for (const or of ['before', 'after'] as const)
            await attempt(`cuts ${how} ${at}, ${or} ${then}`, () =>
              cutBy(from, [
                { at, how },
                { at: then, how: or },
              ]),
            )
      }
    for (const devices of [1, 2])
      for (const interruption of interruptions)
        for (let at = 0, last = 1; at <= last + 1; at++) {
          const policy = { ...base, phases, shadowMinutes }
          const name = `${interruption.name} at ${at}, ${devices} devices, shadow ${shadowMinutes}`
          last =
            (await attempt(name, () => interrupt(devices, second, policy, at, interruption)))?.steps ?? last
        }
    print(`${runs} runs so far`)
  }
}

const [first = '1000', second = '1'] = process.argv.slice(2)
if (first === 'all') await exhaustive()
else if (/^\d+$/.test(first) && /^\d+$/.test(second)) await random(Number(first), Number(second))
else throw new RangeError('usage: race.ts [RUNS [SEED]] or race.ts all')
print(`${failures} of ${runs} failed, ${(process.cpuUsage().user / 1e6).toFixed(0)} s of processor time`)
process.exitCode = failures > 0 ? 1 : 0
