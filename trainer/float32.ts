/**
 * The shortest decimal text of a finite float32 in XGBoost's notation (`4.9054615E-2`), so that both
 * strtof and `Math.fround(Number(text))` give the same float back.
 * @throws RangeError for NaN and infinities, which JSON cannot hold
 */
export function float32Text(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`the model holds a value that is not finite: ${value}`)
  if (Object.is(value, -0)) return '-0E0'
  for (let digits = 0; digits < 9; digits++) {
    const text = value.toExponential(digits)
    const parsed = Number(text)
    if (Math.fround(parsed) !== value) continue
    // A text whose double lies exactly between two floats may round either way in strtof.
    const mirrored = 2 * parsed - value
    if (mirrored !== value && Math.fround(mirrored) === mirrored) continue
    return notation(text)
  }
  return notation(value.toExponential(16))
}

function notation(exponential: string): string {
  return exponential.replace('e+', 'E').replace('e', 'E')
}
