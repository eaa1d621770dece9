/** What is said about one requirement, and why. */
export type Verdict =
  | { readonly id: string; readonly verdict: 'pass'; readonly evidence: string }
  | { readonly id: string; readonly verdict: 'fail'; readonly evidence: string }
  | { readonly id: string; readonly verdict: 'not-applicable'; readonly evidence: string }

export interface Verdicts {
  /** @param evidence what was seen; of many, the first failure counts, else the last word */
  check(id: string, ok: boolean, evidence: string): void
  /** Why it was not looked at, unless something else looks at it. */
  leave(id: string, reason: string): void
  judged(id: string): boolean
  failed(id: string): boolean
  of(ids: readonly string[]): readonly Verdict[]
}

export function createVerdicts(): Verdicts {
  const passed = new Map<string, { evidence: string; times: number }>()
  const failures = new Map<string, string[]>()
  const left = new Map<string, string>()
  return {
    check(id, ok, evidence) {
      if (ok) passed.set(id, { evidence, times: (passed.get(id)?.times ?? 0) + 1 })
      else failures.set(id, [...(failures.get(id) ?? []), evidence])
    },
    leave: (id, reason) => void left.set(id, reason),
    judged: id => passed.has(id) || failures.has(id),
    failed: id => failures.has(id),
    of: ids =>
      ids.map(id => {
        const [first, ...more] = failures.get(id) ?? []
        if (first !== undefined)
          return {
            id,
            verdict: 'fail',
            evidence: more.length > 0 ? `${first} (and ${more.length} more)` : first,
          }
        const ok = passed.get(id)
        if (ok !== undefined)
          return {
            id,
            verdict: 'pass',
            evidence: ok.times > 1 ? `${ok.evidence} (${ok.times} times)` : ok.evidence,
          }
        return { id, verdict: 'not-applicable', evidence: left.get(id) ?? 'nothing came up that shows it' }
      }),
  }
}
