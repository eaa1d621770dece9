/** The rollout ladder: a rung per phase, and on the present one what its devices came to and what would stop it. */
import type { Ladder } from '../api/types.ts'
import { percent, plural, whole } from '../lib/format.ts'
import { gauge, type Part, partNames, parts, rung } from '../lib/ladder.ts'
import { href } from '../lib/route.ts'

/** Filters of a rollout's devices by what a segment is. Devices that wait may not be in that list. */
const OUTCOME: Readonly<Partial<Record<Part, string>>> = {
  failed: 'UNSUCCESSFUL',
  active: 'COMMITTED',
  fetching: 'UNDER_WAY',
  retrying: 'RETRYABLE',
}

export const Hatches = () => (
  <svg width="0" height="0" aria-hidden="true" class="hatches">
    <defs>
      <pattern id="hatch-busy" width="6" height="6" patternUnits="userSpaceOnUse">
        <rect width="6" height="6" class="under" />
        <rect width="2" height="6" class="over" />
      </pattern>
      <pattern
        id="hatch-again"
        width="6"
        height="6"
        patternUnits="userSpaceOnUse"
        patternTransform="rotate(-45)"
      >
        <rect width="6" height="6" class="under" />
        <rect width="3" height="6" class="over" />
      </pattern>
      {[2, 4, 6].map(n => (
        <pattern
          key={n}
          id={`stripes-${n}`}
          class="stripes"
          width="5"
          height="5"
          patternUnits="userSpaceOnUse"
          patternTransform={`rotate(${n * 30})`}
        >
          <rect width="5" height="5" class="under" />
          <rect width="1.5" height="5" class="over" />
        </pattern>
      ))}
    </defs>
  </svg>
)

export interface Phase {
  readonly name: string
  readonly exposure: number
}

export function LadderView({
  rollout,
  phases,
  phase,
  ladder,
  ended,
}: {
  readonly rollout: string
  readonly phases: readonly Phase[]
  /** Name of the present one; null before the first. */
  readonly phase: string | null
  readonly ladder: Ladder
  /** Nothing is under way any more. */
  readonly ended?: string | undefined
}) {
  const present = phase === null ? -1 : phases.findIndex(p => p.name === phase)
  const all = ended === 'COMPLETED'
  return (
    <ol class="ladder">
      {phases.map((p, i) => {
        const state = all || i < present ? 'passed' : i > present ? 'to come' : (ended ?? 'now')
        return (
          <li key={p.name} aria-current={i === present && !all ? 'step' : undefined}>
            <div class="rung-name">
              <b>{p.name}</b> <span class="muted">{percent(p.exposure)}</span>
            </div>
            {i === present && !all ? (
              <Rung rollout={rollout} ladder={ladder} />
            ) : (
              <div class={`rung-bar ${state === 'passed' ? 'passed' : 'ahead'}`}>{state}</div>
            )}
          </li>
        )
      })}
    </ol>
  )
}

function Rung({ rollout, ladder }: { readonly rollout: string; readonly ladder: Ladder }) {
  const { total, segments, stop } = rung(ladder)
  const { stopsAt } = ladder.failureRate
  const says = segments.map(s => `${s.count} ${partNames[s.part]}`).join(', ')
  return (
    <div>
      <svg
        class="rung"
        role="img"
        aria-label={`Of about ${plural(total, 'device')}: ${says || 'none has begun'}`}
      >
        <rect class="ground" x="0" y="6" width="100%" height="18" />
        {segments.map(s => (
          <rect key={s.part} class={s.part} x={`${s.x}%`} y="6" width={`${s.width}%`} height="18" />
        ))}
        {stop !== undefined && <line class="threshold" x1={`${stop}%`} x2={`${stop}%`} y1="0" y2="30" />}
      </svg>
      <ul class="legend">
        {parts.map(part => {
          const outcome = OUTCOME[part]
          const says = (
            <>
              <b>{whole(ladder[part])}</b> {partNames[part]}
            </>
          )
          return (
            <li key={part} class={ladder[part] === 0 ? 'muted' : ''}>
              <svg class="swatch" aria-hidden="true">
                <rect class={part} width="100%" height="100%" />
              </svg>
              {outcome === undefined ? says : <a href={href(['rollouts', rollout], { outcome })}>{says}</a>}
            </li>
          )
        })}
        <li class={ladder.silent === 0 ? 'muted' : ''}>
          <b>{whole(ladder.silent)}</b> silent since
        </li>
        <li>
          <i class="swatch threshold" aria-hidden="true" />
          rolled back at {plural(stopsAt, 'failure')}
        </li>
      </ul>
      <Rate of={ladder.failureRate} />
    </div>
  )
}

/** Failure rate: what is known of it, against what is tolerated. */
function Rate({ of }: { readonly of: Ladder['failureRate'] }) {
  const { max, estimate, upperBound, tolerated } = gauge(of)
  const text = [
    `Failure rate ${of.estimate === null ? 'not known yet' : percent(of.estimate)}`,
    ...(of.upperBound === null ? [] : [`up to ${percent(of.upperBound)} not ruled out`]),
    `${percent(of.tolerated)} tolerated`,
  ].join(', ')
  return (
    <div class="rate">
      <svg role="img" aria-label={text}>
        <line class="axis" x1="0" x2="100%" y1="8" y2="8" />
        {upperBound !== undefined && (
          <line class="range" x1={`${estimate ?? 0}%`} x2={`${upperBound}%`} y1="8" y2="8" />
        )}
        <line class="threshold" x1={`${tolerated}%`} x2={`${tolerated}%`} y1="0" y2="16" />
        {estimate !== undefined && <circle cx={`${estimate}%`} cy="8" r="4" />}
      </svg>
      <span class="ends" aria-hidden="true">
        <span>0</span>
        <span>{percent(max)}</span>
      </span>
      <p>{text}.</p>
    </div>
  )
}
