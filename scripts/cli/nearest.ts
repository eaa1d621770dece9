/** What somebody may have meant. */

/** Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours. */
export function distance(a: string, b: string): number {
  let [twoBack, before] = [[] as number[], Array.from({ length: b.length + 1 }, (_, i) => i)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(
        (before[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (before[j - 1] as number) + cost,
      )
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (twoBack[j - 2] as number) + 1)
      row.push(best)
    }
    twoBack = before
    before = row
  }
  return before[b.length] as number
}

/** The candidate that `word` is likely a slip of; undefined when none is near. A cut-off name is near as well. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const typed = word.toLowerCase()
  if (typed === '') return undefined
  const scored = candidates.map(candidate => {
    const known = candidate.toLowerCase()
    const cut = typed.length >= 3 && (known.startsWith(typed) || typed.startsWith(known))
    return { candidate, score: cut ? 1 : distance(typed, known) }
  })
  scored.sort((a, b) => a.score - b.score)
  const [best] = scored
  const allowed = Math.max(1, Math.floor(Math.max(typed.length, best?.candidate.length ?? 0) / 3))
  return best !== undefined && best.score <= allowed ? best.candidate : undefined
}

/** ` Did you mean X?`, or nothing. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const meant = nearest(word, candidates)
  return meant === undefined ? '' : ` Did you mean ${meant}?`
}
