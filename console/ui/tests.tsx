/** Statistics against the thresholds at which they decide. */
import type { TestResult } from '../api/types.ts'
import { figure, words } from '../lib/format.ts'
import { at } from '../lib/scale.ts'
import { Badge } from './bits.tsx'
import { Table } from './table.tsx'

/** Tests that stop a rollout pass their threshold; the one that passes a phase must stay at or below its own. */
const passes = (t: TestResult): boolean => t.test.includes('non-inferiority')

const VERDICT = { harm: ['bad', 'harm'], safe: ['ok', 'passes'], undecided: ['none', 'undecided'] } as const

export const Tests = ({ of }: { readonly of: readonly TestResult[] }) => (
  <Table
    caption="Tests"
    rows={of}
    rowKey={t => `${t.metric} ${t.test}`}
    columns={[
      {
        name: 'Measure',
        cell: t => (
          <span title={t.test}>
            {words(t.metric)}
            {passes(t) && <span class="muted"> (to pass)</span>}
          </span>
        ),
      },
      { name: 'Verdict', cell: t => <Badge tone={VERDICT[t.verdict][0]}>{VERDICT[t.verdict][1]}</Badge> },
      { name: 'Canary', cell: t => t.canary },
      { name: 'Control', cell: t => t.control ?? '–', from: 2 },
      { name: 'Statistic and threshold', cell: t => <Against test={t} /> },
      { name: 'Test', cell: t => <span class="muted">{t.test}</span>, from: 3 },
    ]}
  />
)

function Against({ test }: { readonly test: TestResult }) {
  const { statistic, threshold, verdict } = test
  if (statistic === null || threshold === null || threshold < 0)
    return <span class="muted">nothing to go by yet</span>
  const max = Math.max(threshold * 1.5, statistic, 1e-9)
  return (
    <div class="against">
      <svg role="img" aria-label={`${figure(statistic)}, threshold ${figure(threshold)}`}>
        <rect class="ground" width="100%" height="10" y="3" />
        <rect class={verdict} width={`${at(statistic, max)}%`} height="10" y="3" />
        <line class="threshold" x1={`${at(threshold, max)}%`} x2={`${at(threshold, max)}%`} y1="0" y2="16" />
      </svg>
      <span>
        {figure(statistic)}{' '}
        <span class="muted">
          {passes(test) ? 'at most' : 'of'} {figure(threshold)}
        </span>
      </span>
    </div>
  )
}
