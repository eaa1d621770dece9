import { canaryShare, countExceeds, stopBoundary } from '../../../src/domain/rollout/stats/index.ts'
import { rng } from '../rng.ts'
import { ALPHA } from './fleet.ts'
import { average, median, percent, print, printTable } from './table.ts'

const boundary = (events: number, share: number, alpha: number): number[] =>
  stopBoundary(
    events,
    ({ failed, total }) => countExceeds({ canary: failed, control: total - failed }, share, alpha).exceeds,
  )

/** When an increase is seen: ten devices of the control's rate have an event per hour, for up to a week. */
export function power(seed: number, runs: number): void {
  const alpha = ALPHA.errors
  print(
    `## Two arms, events: ratio of rates and share of canaries, α = ${Number(alpha.toFixed(6))}, ten devices an hour, one week`,
  )
  print()
  const [perHour, hours] = [10, 168]
  const rows = [0.05, 0.2, 0.5].map((share, s) => {
    const limit = boundary(20_000 / 2, share, alpha)
    const cells = [1, 1.5, 2, 3, 5].map((ratio, i) => {
      const random = rng(seed + 200 + 10 * s + i)
      const chance = canaryShare(share, ratio)
      const rate = perHour * (1 - share + share * ratio)
      const times: number[] = []
      for (let run = 0; run < runs; run++) {
        let t = 0
        let canary = 0
        for (let n = 1; n < limit.length; n++) {
          t += random.exponential() / rate
          if (t > hours) break
          if (random.next() < chance) canary++
          if (canary < limit[n]!) continue
          times.push(t)
          break
        }
      }
      const share0 = percent(times.length, runs)
      return times.length < runs / 20
        ? share0
        : `${share0} @${median(times).toFixed(0)} h (${average(times).toFixed(0)})`
    })
    return [`${share * 100} %`, ...cells]
  })
  printTable(['canaries', 'ratio 1 (false)', '1.5', '2', '3', '5'], rows)
}

/** What must be counted: events, devices per window, or devices once. No harm in any run. */
export function units(seed: number, runs: number): void {
  const alpha = ALPHA.errors
  const [arm, hours, rate] = [50, 48, 0.02]
  print(
    `## Two arms, what is counted: ${arm} against ${arm} devices, ${hours} h, no harm, α = ${Number(alpha.toFixed(6))}; false stops`,
  )
  print()
  const limit = boundary(40_000 / 4, 0.5, alpha)
  const rows = (
    [
      ['devices alike', Infinity],
      ['own rates, coefficient of variation 1', 1],
      ['a few ill devices have most events (variation 3)', 1 / 9],
    ] as const
  ).map(([name, shape], c) => {
    const random = rng(seed + 300 + c)
    const counts = { events: 0, windows: 0, devices: 0, late: 0 }
    for (let run = 0; run < runs; run++) {
      const own = Array.from({ length: 2 * arm }, () =>
        shape === Infinity ? rate : rate * random.gamma(shape),
      )
      const tallies = {
        events: { c: 0, n: 0 },
        windows: { c: 0, n: 0 },
        devices: { c: 0, n: 0 },
        late: { c: 0, n: 0 },
      }
      const stopped = { events: false, windows: false, devices: false, late: false }
      const seen = new Uint8Array(2 * arm)
      const seenLate = new Uint8Array(2 * arm)
      const add = (unit: keyof typeof tallies, canary: boolean): void => {
        const tally = tallies[unit]
        tally.n++
        if (canary) tally.c++
        if (tally.n < limit.length && tally.c >= limit[tally.n]!) stopped[unit] = true
      }
      for (let hour = 0; hour < hours; hour++)
        for (let d = 0; d < 2 * arm; d++) {
          const device = (d * 37 + hour) % (2 * arm)
          const canary = device < arm
          const events = random.poisson(own[device]!)
          for (let e = 0; e < events; e++) add('events', canary)
          if (events === 0) continue
          add('windows', canary)
          if (seen[device] === 0) add('devices', canary)
          seen[device] = 1
          // Canaries that join one by one in the first day have no event before that.
          if (seenLate[device] === 0 && (!canary || hour >= (24 * device) / arm)) {
            add('late', canary)
            seenLate[device] = 1
          }
        }
      for (const unit of Object.keys(counts) as (keyof typeof counts)[]) if (stopped[unit]) counts[unit]++
    }
    return [name, ...Object.values(counts).map(count => percent(count, runs))]
  })
  printTable(
    ['', 'every event', 'a device once an hour', 'a device once (ours)', 'the same, canaries join late'],
    rows,
  )
}
