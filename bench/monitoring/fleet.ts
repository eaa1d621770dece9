import { FRESH, judgeWindow, type QuantityState } from '../../src/domain/monitoring/judge.ts'
import { NO_CLUSTERING } from '../../src/domain/monitoring/stats/clustering.ts'
import type { Counts } from '../../src/domain/monitoring/stats/counts.ts'
import { detect } from '../../src/domain/monitoring/stats/detector.ts'
import { eBh } from '../../src/domain/monitoring/stats/e-bh.ts'
import { addWindow, type Segment, segmentOf } from '../../src/domain/monitoring/stats/segments.ts'
import { percent, print, printTable } from '../rollouts/gates/table.ts'
import { type Rng, rng } from '../rollouts/rng.ts'
import { Fine } from './fine.ts'
import { dirichlet, draw, read, type Trained, train } from './streams.ts'

const ICC = 0.1
const ROWS = 20_000

/** How devices differ: a level of their own, or shares of their own in every bin; for good, or anew in each window. */
interface Spread {
  readonly name: string
  readonly kind: 'level' | 'shares'
  readonly kept: boolean
}
const SPREADS: readonly Spread[] = [
  { name: 'own level, kept', kind: 'level', kept: true },
  { name: 'own level, new in each window', kind: 'level', kept: false },
  { name: 'own shares, kept', kind: 'shares', kept: true },
  { name: 'own shares, new in each window', kind: 'shares', kept: false },
]
const LAYOUTS = [
  { devices: 50, each: 100, looks: 48 },
  { devices: 200, each: 100, looks: 24 },
  { devices: 20, each: 500, looks: 48 },
  { devices: 20, each: 50, looks: 300 },
] as const

const NAMES = [
  'pooled: correlation taken as 0',
  'average over bins, differences stay',
  'ours: evidence alone (e-BH, 1 %)',
  'ours: drift said',
  'ours: episode opened',
] as const
const THEIRS = ['Evidently', 'Model Monitor', 'NannyML', 'whylogs (KS p < 0.05)', 'chi² p < 0.05'] as const

function course(random: Rng, layout: (typeof LAYOUTS)[number], spread: Spread): Set<string> {
  const trained = train(random, ROWS, layout.devices * layout.each)
  const said = new Set<string>()
  const fine = new Fine()
  const fleet = makeFleet(random, trained, layout, spread, fine)
  let state: QuantityState = FRESH
  let blind: readonly Segment[] = []
  let average: readonly Segment[] = []
  const { reference } = trained
  for (let look = 1; look <= layout.looks; look++) {
    fine.clear()
    const devices = fleet()
    const [judged] = judgeWindow(look, [{ name: 'x', reference, before: state, devices }], 'drift')
    state = judged!.after
    const { verdict, opened } = judged!
    const segment = segmentOf(look, devices, reference)
    blind = addWindow(blind, { ...segment, clustering: NO_CLUSTERING })
    const { excess, spare } = segment.clustering
    average = addWindow(average, { ...segment, clustering: { excess: [excess[0]!], spare } })
    const passes = (segments: readonly Segment[]): boolean =>
      eBh([detect(segments, reference).logE], 0.01).rejected[0]!
    const now = {
      [NAMES[0]]: () => passes(blind),
      [NAMES[1]]: () => passes(average),
      [NAMES[2]]: () => verdict.logE >= verdict.threshold,
      [NAMES[3]]: () => verdict.state === 'drift',
      [NAMES[4]]: () => opened !== undefined,
      ...Object.fromEntries(
        trained.rules.map(rule => [rule.name, () => fine.n > 0 && rule.alarms(fine)] as const),
      ),
    }
    for (const [name, alarms] of Object.entries(now))
      if (!said.has(name) && due(name, look, layout.looks) && alarms()) said.add(name)
  }
  return said
}
const rejected = (name: string): boolean => NAMES.some(n => n === name) && !name.startsWith('ours')
/** What was tried and rejected is compared over 48 looks only, of which it has every fourth: it takes the most time. */
const shown = (name: string, looks: number): boolean => looks <= 48 || !rejected(name)
const due = (name: string, look: number, looks: number): boolean =>
  shown(name, looks) && (look % 4 === 0 || !rejected(name))

function makeFleet(
  random: Rng,
  trained: Trained,
  { devices, each }: (typeof LAYOUTS)[number],
  { kind, kept }: Spread,
  fine: Fine,
): () => Counts[] {
  const levels = (): number[] => Array.from({ length: devices }, () => Math.sqrt(ICC) * random.normal())
  const shares = (): number[][] =>
    Array.from({ length: devices }, () => dirichlet(random, trained.reference.p0, ICC))
  const within = Math.sqrt(1 - ICC)
  if (kind === 'level') {
    const own = levels()
    return () =>
      (kept ? own : levels()).map(level => read(trained, each, () => level + within * random.normal(), fine))
  }
  const own = shares()
  return () => (kept ? own : shares()).map(p => draw(random, p, each))
}

/** (c) No drift, devices that differ: how often a fleet is said to drift. */
export function clustered(seed: number, runs: number): void {
  print(
    `## (c) No drift, intra-device correlation ${ICC}, ${ROWS.toLocaleString('en')} reference rows: runs with an alarm at any look`,
  )
  print()
  const used = Math.ceil(0.32 * runs)
  for (const [l, layout] of LAYOUTS.entries()) {
    const names = [...NAMES, ...THEIRS].filter(name => shown(name, layout.looks))
    const columns = SPREADS.map((spread, s) => {
      const random = rng(seed + 300 + 10 * l + s)
      const said = Array.from({ length: used }, () => course(random, layout, spread))
      return names.map(name =>
        // Shares of bins have no values that the other tools could look at.
        spread.kind === 'shares' && THEIRS.some(t => t === name)
          ? ''
          : percent(said.filter(alarms => alarms.has(name)).length, used),
      )
    })
    printTable(
      [`${layout.devices} devices × ${layout.each}, ${layout.looks} looks`, ...SPREADS.map(s => s.name)],
      names.map((name, r) => [name, ...columns.map(c => c[r]!)]),
    )
  }
}
