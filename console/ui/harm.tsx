import type { Harm } from '../api/types.ts'
import { percent, whole } from '../lib/format.ts'
import { at, niceCeiling } from '../lib/scale.ts'
import { Badge, type Tone } from './bits.tsx'

const SAYS: Readonly<Record<Harm['state'], readonly [Tone, string]>> = {
  harmed: ['bad', 'worse than accepted'],
  ok: ['ok', 'no harm proven'],
  'not-enough-labels': ['warn', 'not enough labels'],
  'not-watched': ['none', 'not watched'],
}

export const HarmBadge = ({ of }: { readonly of: Harm }) => (
  <Badge tone={SAYS[of.state][0]}>{SAYS[of.state][1]}</Badge>
)

export const harmSentence = (h: Harm): string =>
  h.estimate === null
    ? `${whole(h.labels)} labels`
    : [
        `${whole(h.errors)} of ${whole(h.labels)} labels wrong`,
        ...(h.lowerBound === null ? [] : [`at least ${percent(h.lowerBound)}`]),
        ...(h.accepted === null ? [] : [`${percent(h.accepted)} accepted`]),
      ].join(', ')

/** Error in the field with what is proven of it, against what was accepted. */
export function HarmScale({ of }: { readonly of: Harm }) {
  const { estimate, lowerBound, accepted } = of
  if (estimate === null) return null
  const max = Math.min(1, niceCeiling(Math.max(estimate, accepted ?? 0) * 1.3))
  const place = (x: number): string => `${at(x, max)}%`
  return (
    <div class="rate">
      <svg role="img" aria-label={`Error ${percent(estimate)}: ${harmSentence(of)}`}>
        <line class="axis" x1="0" x2="100%" y1="8" y2="8" />
        {lowerBound !== null && (
          <line class="range" x1={place(lowerBound)} x2={place(estimate)} y1="8" y2="8" />
        )}
        {accepted !== null && (
          <line class="threshold" x1={place(accepted)} x2={place(accepted)} y1="0" y2="16" />
        )}
        <circle cx={place(estimate)} cy="8" r="4" />
      </svg>
      <span class="ends" aria-hidden="true">
        <span>0</span>
        <span>{percent(max)}</span>
      </span>
    </div>
  )
}
