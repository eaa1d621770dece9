export interface ReviewAnswer {
  readonly by: string
  readonly label: string
  readonly at: string
}
export type Standing =
  | { readonly status: 'OPEN' }
  | { readonly status: 'SETTLED'; readonly label: string }
  | { readonly status: 'DISPUTED' }

/** Answers after which there is no more to ask for. */
export const MOST = 3

/**
 * What the answers come to. One is enough as long as nobody disagrees; then two have to agree, and three who all say
 * something else settle nothing.
 */
export function standing(answers: readonly ReviewAnswer[]): Standing {
  const votes = [...Map.groupBy(answers, a => a.label)].map(([label, all]) => ({ label, votes: all.length }))
  const [first, second] = votes.sort((a, b) => b.votes - a.votes)
  if (first === undefined) return { status: 'OPEN' }
  if (first.votes > (second?.votes ?? 0)) return { status: 'SETTLED', label: first.label }
  return { status: answers.length < MOST ? 'OPEN' : 'DISPUTED' }
}
