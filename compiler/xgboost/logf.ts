/*
 * XGBoost stores a base score and takes its logarithm with the C library's `logf`, which is within an ulp of the
 * logarithm but not always the nearest f32: near 1, where balanced labels put the logit, up to one result in ten is
 * the neighbour. Bit-identical margins need that very function. glibc (checked against 2.36) computes it in f64 as
 * k ln 2 + log c + log1p(r), r = z / c - 1, with a cubic fitted for |r| < 1/32 and 16 centres c.
 * The centres' reciprocals and the coefficients below are those of Arm Optimized Routines (S. Nagy, 2017, MIT licence),
 * which glibc and musl share; another value of any of them is another function.
 */
const RECIPROCALS = [
  1.398907162146528, 1.3403141896637998, 1.286432210124115, 1.2367150214269895, 1.1906977166711752,
  1.1479821020556429, 1.1082251448272158, 1.0711297413057381, 1.036437278977283, 1, 0.9492859795739057,
  0.8951049428609004, 0.8476821620351103, 0.8050314851692001, 0.7664671008843108, 0.731428603316328,
]
const LOG_CENTRES = RECIPROCALS.map(reciprocal => (reciprocal === 1 ? 0 : -Math.log(reciprocal)))
const CUBIC = -0.25089342214237154
const QUADRATIC = 0.333456765744066
const LINEAR = -0.4999997485802103

/** Bits of the lower end of the interval that z is reduced to, about [0.7, 1.4). */
const LOW = 0x3f330000
const float = new Float32Array(1)
const bits = new Int32Array(float.buffer)

/** glibc's `logf` for a positive finite f32. */
export const logf = (x: number): number => {
  // Subnormals are scaled up first, so that their exponent is in the exponent field.
  const subnormal = x < 2 ** -126
  float[0] = subnormal ? x * 2 ** 23 : x
  const offset = bits[0]! - LOW
  const k = (offset >> 23) - (subnormal ? 23 : 0)
  const centre = (offset >> 19) & 15
  bits[0] = bits[0]! - (offset & 0xff800000)
  const r = float[0]! * RECIPROCALS[centre]! - 1
  const head = LOG_CENTRES[centre]! + k * Math.LN2
  const square = r * r
  const tail = (CUBIC * square + (QUADRATIC * r + LINEAR)) * square
  return Math.fround(tail + (head + r))
}
