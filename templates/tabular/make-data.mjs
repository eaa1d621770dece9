/**
 * Makes readings.csv: pumps that run well, and pumps that will fail. Stands in for data of your own.
 *
 *   node make-data.mjs [ROWS] [SEED]
 */
import { writeFileSync } from 'node:fs'

/** As in model.yaml. */
const TASK = 'binary'
const [rows = 3000, seed = 1] = process.argv.slice(2).map(Number)
if (!Number.isInteger(rows) || rows < 1 || !Number.isInteger(seed)) {
  process.stderr.write('usage: node make-data.mjs [ROWS] [SEED]\n')
  process.exit(2)
}

/** Mulberry32: the same seed gives the same file. */
let state = seed >>> 0
function random() {
  state = (state + 0x6d2b79f5) >>> 0
  let t = state
  t = Math.imul(t ^ (t >>> 15), t | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}
const normal = (mean, deviation) =>
  mean + deviation * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
const within = (value, low, high) => Math.min(high, Math.max(low, value))

/** Wear from 0 to 1 shows in vibration and heat; a blocked pump draws less current. */
function reading() {
  const wear = random() ** 2
  const blocked = random() < 0.1
  const vibration = within(normal(2 + 9 * wear + (blocked ? 1 : 0), 0.6), 0, 50)
  const temperature = within(normal(45 + 30 * wear + (blocked ? 12 : 0), 3), -40, 150)
  const current = within(normal(blocked ? 8 : 14 + 2 * wear, 0.8), 0, 100)
  const label = {
    binary: wear > 0.55 || blocked ? '1' : '0',
    multiclass: blocked ? 'blocked' : wear > 0.55 ? 'worn' : 'normal',
    regression: (2000 * (1 - wear) * (blocked ? 0.5 : 1)).toFixed(0),
  }[TASK]
  const degrees = random() < 0.02 ? '' : temperature.toFixed(1)
  return [`pump-${1 + Math.floor(random() * 40)}`, vibration.toFixed(2), degrees, current.toFixed(2), label]
}

const label = { binary: 'fault', multiclass: 'state', regression: 'hours_left' }[TASK]
const lines = [
  ['pump', 'vibration', 'temperature', 'current', label],
  ...Array.from({ length: rows }, reading),
]
const file = new URL('readings.csv', import.meta.url)
writeFileSync(file, `${lines.map(cells => cells.join(',')).join('\n')}\n`)
process.stdout.write(`${rows} readings in readings.csv\n`)
