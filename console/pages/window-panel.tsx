/** One quantity in one window: what was counted, against the baseline, and which devices stand out. */
import type { Answer } from '../api/types.ts'
import { bars } from '../lib/bins.ts'
import { figure, percent, utc, whole } from '../lib/format.ts'
import { inPlace } from '../lib/route.ts'
import { useAsk, useRoute } from '../ui/app.ts'
import { Bars } from '../ui/bars.tsx'
import { Badge, Facts, To } from '../ui/bits.tsx'
import { Empty, Show } from '../ui/states.tsx'

const STATES = {
  ok: ['ok', 'as the baseline'],
  insufficient: ['none', 'too few to say'],
  drift: ['warn', 'drift'],
} as const
const SHOWN = 10

export function WindowPanel({
  m,
  version,
  window,
  quantity,
}: {
  readonly m: Answer<'getModel'>
  readonly version: number
  readonly window: string
  readonly quantity: string | undefined
}) {
  const route = useRoute()
  const asked = useAsk('getWindow', { model: m.model, version, window })
  return (
    <section class="panel" aria-label="Window">
      <Show of={asked} lines={6}>
        {w => {
          const name = quantity ?? w.quantities[0]?.name ?? ''
          const q = w.quantities.find(x => x.name === name)
          const bins = w.bins.find(b => b.name === name)
          const classes =
            name === 'prediction' && m.task !== 'regression' ? m.config.label.classes : undefined
          const devices = w.problems.flatMap(p =>
            p.evidence.filter(e => e.name === name).map(e => ({ thing: p.thing, ...e })),
          )
          return (
            <>
              <h3>
                {name} in the window of {utc(w.start)}{' '}
                {q && <Badge tone={STATES[q.state][0]}>{STATES[q.state][1]}</Badge>}
                <a class="close" href={inPlace(route, { window: null, quantity: null })}>
                  Close
                </a>
              </h3>
              <div class="columns even">
                <div>
                  {bins ? (
                    <Bars
                      of={bars(bins, classes)}
                      title={`${name}: baseline and window`}
                      says="shares by bin"
                    />
                  ) : (
                    <Empty what="No counts of this quantity are kept." />
                  )}
                </div>
                <div>
                  {q && (
                    <Facts
                      of={[
                        [
                          'Distance',
                          `${figure(q.distance)}, between ${figure(q.lowerBound)} and ${figure(q.upperBound)}`,
                        ],
                        ['Tolerance', figure(q.tolerance)],
                        ['Evidence (ln e)', `${figure(q.logE)} of ${figure(q.threshold)} needed`],
                        ['Readings', `${whole(q.n)}, worth ${whole(q.nEffective)} independent ones`],
                        ['Resemblance within a device', figure(q.correlation)],
                        ['Speaks of', q.scope === 'none' ? 'nothing' : `the ${q.scope}`],
                      ]}
                    />
                  )}
                  <h4>Devices that stand out</h4>
                  {devices.length === 0 ? (
                    <p class="muted">None.</p>
                  ) : (
                    <ul class="plain">
                      {devices
                        .toSorted((a, b) => b.distance - a.distance)
                        .slice(0, SHOWN)
                        .map(d => (
                          <li key={d.thing}>
                            <To path={['devices', d.thing]}>{d.thing}</To> {figure(d.distance)}{' '}
                            <span class="muted">at least {figure(d.lowerBound)}</span>
                          </li>
                        ))}
                    </ul>
                  )}
                  <p class="muted">
                    {whole(w.reported)} of {whole(w.expected)} devices reported (
                    {percent(w.reported / Math.max(1, w.expected))}).
                  </p>
                </div>
              </div>
            </>
          )
        }}
      </Show>
    </section>
  )
}
