/** The smallest example that makes every function work: two targets, one of them Neo's, and data of one feature. */
import type { Example, FieldRow } from '../../examples/example.ts'

const MODEL = `
name: probe
fleet: bench
slot: main
task: binary
features: [{ name: x, min: -1000, max: 1000 }]
label: { column: label, classes: ['0', '1'] }
training: { hyperparameters: { num_round: 5, max_depth: 2 } }
evaluation: { metric: auc, floor: 0.8, nonInferiority: 0.1 }
targets:
  - { hardware: gateway, compile: edgeloop }
  - { hardware: camera, compile: neo, device: rasp4b }
rollout:
  phases: [{ name: canary, exposure: 0.2 }, { name: fleet, exposure: 1 }]
  insufficient: proceed
monitoring: { windowSeconds: 1, graceSeconds: 10, falseAlarmRate: 0.001, tolerance: 0.1, minDevices: 2 }
sampling: { audit: 1 }
retrain: { coolDownMinutes: 0, minLabels: 50, minDevices: 2 }
`
const reading = (i: number, shift: number, from: number): FieldRow => {
  const x = ((i * 37) % 1000) / 10 - 50 + shift
  return { row: [x], truth: x > from ? '1' : '0' }
}
const rows = (from: number, count: number, shift = 0, ones = 10): FieldRow[] =>
  Array.from({ length: count }, (_, i) => reading(from + i, shift, ones))

export const probeExample = (): Example => ({
  model: 'probe',
  fleet: 'bench',
  slot: 'main',
  hardware: 'gateway',
  metric: 'auc',
  modelYaml: Buffer.from(MODEL),
  drop: {
    name: 'readings.csv',
    bytes: Buffer.from(
      `x,label\n${rows(0, 1500)
        .map(r => `${r.row[0]},${r.truth}`)
        .join('\n')}\n`,
    ),
    what: '1500 readings',
  },
  phases: [
    { name: 'here', rows: rows(2000, 1000) },
    // A shift that did no harm would not be trained on.
    { name: 'there', rows: rows(4000, 1000, 45, 30) },
  ],
})
