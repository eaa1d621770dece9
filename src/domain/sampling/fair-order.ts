/**
 * The newest of every device, then the second newest of every device, and so on: whoever is cut off at the end of a
 * budget, one device that sends much cannot use it up alone.
 */
export function fairOrder<T extends { readonly thing: string; readonly receivedAt: string }>(
  samples: readonly T[],
): T[] {
  const newestFirst = (a: T, b: T): number =>
    a.receivedAt < b.receivedAt ? 1 : a.receivedAt > b.receivedAt ? -1 : 0
  return [...Map.groupBy(samples, s => s.thing).values()]
    .flatMap(own => own.sort(newestFirst).map((sample, turn) => ({ sample, turn })))
    .sort((a, b) => a.turn - b.turn || newestFirst(a.sample, b.sample))
    .map(({ sample }) => sample)
}
