import { EdgeloopError } from '../errors.ts'
import type { ReviewRow } from './rows.ts'
import { MOST, standing } from './standing.ts'

export type ReviewAct =
  | { readonly act: 'claim' }
  | { readonly act: 'label' | 'disagree'; readonly label: string }
  | { readonly act: 'skip'; readonly reason: string }

/** How long a claim keeps others away. */
export const CLAIM_MS = 15 * 60_000
/** A sample that so many people passed over is left alone. */
const SKIPS = 3

/** What an act makes of a review; throws EdgeloopError ILLEGAL_STATE when it does not fit. */
export function afterAct(row: ReviewRow, asked: ReviewAct, by: string, now: Date): ReviewRow {
  const { claim, ...rest } = row
  const held = claim !== undefined && Date.parse(claim.until) > now.getTime()
  const refuse = (why: string): never => {
    throw new EdgeloopError('ILLEGAL_STATE', why)
  }
  if (asked.act !== 'disagree' && row.status !== 'OPEN') refuse(`the review is ${row.status}`)
  if (asked.act !== 'skip' && row.answers.some(a => a.by === by))
    refuse('you have answered it: the next answer is another person’s')
  switch (asked.act) {
    case 'claim':
      if (held && claim.by !== by) refuse(`claimed by another person until ${claim.until}`)
      return { ...rest, claim: { by, until: new Date(now.getTime() + CLAIM_MS).toISOString() } }
    case 'skip': {
      if (!held || claim.by !== by) refuse('claim it first; a claim holds for 15 minutes')
      const skipped = [...row.skipped.filter(s => s.by !== by), { by, reason: asked.reason }]
      return { ...rest, skipped, status: skipped.length >= SKIPS ? 'SKIPPED' : 'OPEN' }
    }
    case 'label':
      if (!held || claim.by !== by) refuse('claim it first; a claim holds for 15 minutes')
      return answered(rest, asked.label, by, now)
    case 'disagree':
      if (row.answers.length === 0) refuse('nobody has answered it: claim and label it')
      if (row.status === 'DISPUTED' || row.status === 'SKIPPED') refuse(`the review is ${row.status}`)
      if (row.answers.length >= MOST) refuse('three people have answered it')
      if (row.answers.some(a => a.label === asked.label)) refuse('somebody has given this label')
      return answered(rest, asked.label, by, now)
  }
}

function answered(row: ReviewRow, label: string, by: string, now: Date): ReviewRow {
  const answers = [...row.answers, { by, label, at: now.toISOString() }]
  return { ...row, answers, status: standing(answers).status }
}
