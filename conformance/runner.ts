import { contract } from './contract.ts'
import type { Target } from './package.ts'
import type { Bench } from './ports.ts'
import { requirements } from './requirements.ts'
import { scenarios } from './scenarios/index.ts'
import { ready, type Scenario } from './scenarios/scenario.ts'
import { deadlines, Missed, openTrial, type TrialOptions } from './trial.ts'
import { createVerdicts, type Verdict, type Verdicts } from './verdict.ts'

export interface RunOptions {
  /** Only these requirements; all of them without it. */
  readonly only?: readonly string[]
  /** Leaves out what waits for a device to give up. */
  readonly quick?: boolean
  /** The implementation answers rows. */
  readonly rows?: boolean
  /** Stretches every deadline. */
  readonly patience?: number
  /** Scenarios at a time. */
  readonly parallel?: number
  readonly slot?: string
  readonly hardware?: string
  readonly progress?: (line: string) => void
}
export interface Outcome {
  readonly contract: string
  readonly device: { readonly hardware: string; readonly runtime: string }
  readonly verdicts: readonly Verdict[]
  readonly passed: boolean
}

type Shared = Omit<TrialOptions, 'thing' | 'fleet' | 'target' | 'impostor'>

/** Runtimes whose self-test the kit can make. */
const KNOWN_RUNTIMES = ['edgeloop-wasm', 'xgboost']
const MODEL = 'kit'

/**
 * Tests one implementation against every requirement.
 * @throws Error when it never says hello, or when `only` names no requirement
 */
export async function runConformance(bench: Bench, options: RunOptions = {}): Promise<Outcome> {
  const { only, progress = () => undefined, patience = 1 } = options
  const ids = chosen(only)
  const verdicts = createVerdicts()
  const limits = deadlines(patience)
  const { slot = 'quality', hardware = 'edge' } = options
  const shared: Shared = {
    ...{ bench, verdicts, deadlines: limits, rows: options.rows ?? false },
  }
  const { runtime } = await introduce({ ...shared, verdicts: createVerdicts() }, { slot, hardware })
  const target: Target = { model: MODEL, slot, hardware, runtime }
  progress(`the device has runtime ${runtime}, hardware ${hardware}`)
  const todo = scenarios.filter(scenario => scenario.ids.some(id => ids.includes(id)))
  const queue = [...todo.entries()]
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, scenario] = next
      const why = unfit(scenario, bench, target, options)
      if (why !== null) {
        for (const id of scenario.ids) verdicts.leave(id, why)
        continue
      }
      const thing = bench.thing(index + 1)
      // A fleet of its own, so that nothing retained of one scenario reaches another.
      const fleet = `kit-${index + 1}`
      const impostor = scenario.needs?.includes('impostor') ?? false
      const fault = await perform(scenario, { ...shared, thing, fleet, target, impostor }, verdicts)
      progress(`${fault === null ? '✓' : '✗'} ${scenario.name}${fault === null ? '' : `: ${fault}`}`)
    }
  }
  await Promise.all(Array.from({ length: bench.parallel ? Math.max(1, options.parallel ?? 1) : 1 }, worker))
  const found = verdicts.of(ids)
  return {
    contract: contract.version,
    device: { hardware, runtime },
    verdicts: found,
    passed: found.every(({ verdict }) => verdict !== 'fail'),
  }
}

function chosen(only: readonly string[] | undefined): readonly string[] {
  const all = requirements.map(({ id }) => id)
  if (only === undefined || only.length === 0) return all
  const found = all.filter(id => only.some(wanted => id === wanted || id.startsWith(`${wanted}-`)))
  for (const wanted of only)
    if (!found.some(id => id === wanted || id.startsWith(`${wanted}-`)))
      throw new Error(
        `there is no requirement ${wanted}; give an id such as DEV-UPD-01, or DEV-UPD for all of them`,
      )
  return found
}

/** What the device says of itself: the kit packs for its runtime. */
async function introduce(
  shared: Shared,
  { slot, hardware }: { slot: string; hardware: string },
): Promise<{ runtime: string }> {
  const target = { model: MODEL, slot, hardware, runtime: 'unknown' }
  const trial = await openTrial({
    ...shared,
    thing: shared.bench.thing(0),
    fleet: 'kit-0',
    target,
    impostor: false,
  })
  try {
    await ready(trial)
    const { body } = await trial.wait('hello', m => (m.kind === 'hello' ? m : undefined))
    if (body.hardware !== hardware)
      throw new Error(
        `the device says that its hardware is ${body.hardware}; give --hardware ${body.hardware}`,
      )
    return body
  } catch (error) {
    if (error instanceof Missed) throw new Error(`nothing to test: ${error.message}`)
    throw error
  } finally {
    await trial.close()
  }
}

/** Why a scenario does not apply here, or null. */
function unfit(scenario: Scenario, bench: Bench, { runtime }: Target, options: RunOptions): string | null {
  const missing = scenario.needs?.find(power => !bench.powers.has(power))
  if (missing !== undefined) return `needs a broker of the kit's own (${missing})`
  if (scenario.loses && !bench.loses) return 'the kit cannot take its storage away'
  if (scenario.rows && !options.rows) return 'the implementation is tested without rows'
  if (scenario.model && !KNOWN_RUNTIMES.includes(runtime))
    return `the kit has no models for runtime ${runtime}`
  if (scenario.slow && options.quick) return 'left out of the quick profile'
  return null
}

/** @returns what went wrong, or null */
async function perform(
  scenario: Scenario,
  options: TrialOptions,
  verdicts: Verdicts,
): Promise<string | null> {
  const trial = await openTrial(options)
  let fault: string | null = null
  const { check } = trial
  const watched = {
    ...trial,
    check: (id: string, ok: boolean, evidence: string) => {
      if (!ok) fault ??= `${id} ${evidence}`
      done.add(id)
      check(id, ok, evidence)
    },
  }
  const done = new Set<string>()
  try {
    await scenario.run(watched)
  } catch (error) {
    if (!(error instanceof Missed)) throw error
    fault = error.message
    for (const id of scenario.ids)
      if (!done.has(id) && !(MONITORED.has(id) && verdicts.judged(id)))
        verdicts.check(id, false, `${scenario.name}: ${error.message}`)
  } finally {
    await trial.close()
  }
  return fault
}

/** Judged by every message: what a scenario misses says nothing about them. */
const MONITORED = new Set([
  ...['DEV-CONN-01', 'DEV-CONN-03', 'DEV-CONN-04', 'DEV-MSG-01', 'DEV-MSG-02', 'DEV-SEQ-01', 'DEV-SEQ-02'],
  ...['DEV-HELLO-01', 'DEV-ASK-01', 'DEV-REP-04', 'DEV-FETCH-01'],
])
