import type { Overview } from '../api/types.ts'
import { clockTime, percent } from '../lib/format.ts'
import { href, narrowed } from '../lib/route.ts'
import { colours, NOTHING, spread } from '../lib/spread.ts'
import { useAsk, useFollow, useRoute } from '../ui/app.ts'
import { Card } from '../ui/bits.tsx'
import { Chart, Legend } from '../ui/chart.tsx'
import { Figure } from '../ui/figure.tsx'
import { Empty } from '../ui/states.tsx'

/** Which versions the devices of a fleet ran in the last 24 hours. */
export function VersionSpread({ data }: { readonly data: Overview }) {
  const route = useRoute()
  const fleet = data.fleets.find(f => f.fleet === route.query['fleet']) ?? data.fleets[0]
  // Asked once, and again only when another rollout is under way: it is for the markers.
  const rollouts = useAsk('listRollouts', fleet && {}, { fleet: fleet?.fleet, limit: 20 })
  useFollow(
    rollouts.reload,
    data.rollouts.flatMap(r => (r.fleet === fleet?.fleet ? r.rollout : [])),
  )
  if (fleet === undefined)
    return (
      <Card title="Versions over time">
        <Empty what="No fleet yet." />
      </Card>
    )
  const { times, names, shares } = spread(fleet.history)
  const hues = colours(names)
  const last = (i: number): string => percent(shares[i]?.at(-1) ?? 0)
  const linkOf = (name: string): string | undefined => {
    const [model, version] = name.split('@')
    return version === undefined ? undefined : href(['fleets', fleet.fleet, 'devices'], { model, version })
  }
  const markers = (rollouts.data?.rollouts ?? []).map(r => ({
    at: Date.parse(r.createdAt) / 1_000,
    text: `v${r.version}`,
  }))
  return (
    <Card
      title="Versions over time"
      aside={
        data.fleets.length > 1 && (
          <label class="inline">
            <span class="hidden">Fleet</span>
            <select
              value={fleet.fleet}
              onChange={event => {
                location.hash = narrowed(route, { fleet: event.currentTarget.value })
              }}
            >
              {data.fleets.map(f => (
                <option key={f.fleet}>{f.fleet}</option>
              ))}
            </select>
          </label>
        )
      }
    >
      {times.length < 2 ? (
        <Empty
          what="Not enough history yet."
          how="Two points in time are needed; one is kept every few minutes."
        />
      ) : (
        <Figure
          title={fleet.fleet}
          says="share of devices by version, 24 hours"
          table={{
            columns: ['UTC', ...names],
            rows: times.map((t, i) => [clockTime(t * 1_000), ...shares.map(s => percent(s[i]))]).reverse(),
          }}
        >
          <Chart
            stack
            times={times}
            series={names.map((name, i) => ({ name, values: shares[i] ?? [], colour: hues[i] ?? 1 }))}
            markers={markers}
            format={percent}
            height={190}
          />
          <Legend
            items={names.map((name, i) => {
              const link = name === NOTHING ? undefined : linkOf(name)
              return { name, value: last(i), colour: hues[i] ?? 1, ...(link === undefined ? {} : { link }) }
            })}
          />
        </Figure>
      )}
    </Card>
  )
}
