import type { SampleRow } from '../entities.ts'
import { canonicalJson, sha256Hex } from '../training/plan.ts'

type Named = Pick<SampleRow, 'eventId' | 'thing'>
export const inOrder = (a: Named, b: Named): number => {
  const [left, right] = [`${a.eventId}#${a.thing}`, `${b.eventId}#${b.thing}`]
  return left < right ? -1 : left > right ? 1 : 0
}
const byReceipt = (a: SampleRow, b: SampleRow): number =>
  Date.parse(a.receivedAt) - Date.parse(b.receivedAt) || inOrder(a, b)

/** Equal rows count once, for whoever sent them first; `drop` gets the others. */
export function firstOfEach<T extends SampleRow>(samples: readonly T[], drop: (sample: T) => void): T[] {
  const first = new Map<string, T>()
  for (const sample of [...samples].sort(byReceipt)) {
    const row = sha256Hex(canonicalJson(sample.row))
    if (first.has(row)) drop(sample)
    else first.set(row, sample)
  }
  return [...first.values()]
}
