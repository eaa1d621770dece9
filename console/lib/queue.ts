/** Which row of a list is the current one, while others come and go. */
export interface Chosen {
  readonly id: string
  /** Where it stood last. */
  readonly place: number
}

/** Where the chosen row is now; when it is gone, the one that stands in its place. */
export function placeOf(ids: readonly string[], { id, place }: Chosen): number {
  const found = ids.indexOf(id)
  return found < 0 ? Math.min(place, Math.max(0, ids.length - 1)) : found
}
