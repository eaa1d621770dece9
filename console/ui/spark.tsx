/** A line of 24 hours, from 0 to 1 unless it never leaves the top. */
export function Spark({ values, says }: { readonly values: readonly number[]; readonly says: string }) {
  if (values.length < 2) return null
  const low = Math.min(...values) > 0.5 ? 0.5 : 0
  const points = values.map(
    (v, i) =>
      `${((i / (values.length - 1)) * 100).toFixed(2)},${(23 - ((v - low) / (1 - low)) * 22).toFixed(2)}`,
  )
  return (
    <svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label={says}>
      <polyline points={points.join(' ')} vector-effect="non-scaling-stroke" />
    </svg>
  )
}
