/**
 * Events as event-ruler sees them: scalar leaves under dotted paths, each with the array elements it sits in,
 * so that two conditions on one array can be held to the same element.
 */
export type Scalar = string | number | boolean | null

/** One step of array membership: array number `id` of the event at element `index`. */
export interface Membership {
  readonly id: number
  readonly index: number
  readonly parent: Membership | undefined
}
export interface Field {
  readonly value: Scalar
  readonly membership: Membership | undefined
}

/** Leaves by path. Iterative: an event nested a hundred thousand deep must not overflow the stack. */
export function flatten(event: unknown): Map<string, Field[]> {
  const fields = new Map<string, Field[]>()
  const stack: { path: string; value: unknown; membership: Membership | undefined }[] = [
    { path: '', value: event, membership: undefined },
  ]
  let arrays = 0
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    const { path, value, membership } = item
    if (Array.isArray(value)) {
      const id = arrays++
      value.forEach((element, index) => {
        stack.push({ path, value: element, membership: { id, index, parent: membership } })
      })
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, child] of Object.entries(value))
        stack.push({ path: join(path, key), value: child, membership })
    } else if (isScalar(value)) {
      const known = fields.get(path)
      if (known) known.push({ value, membership })
      else fields.set(path, [{ value, membership }])
    }
  }
  return fields
}

/** Dots in keys are not escaped: event-ruler treats `{"a.b": 1}` and `{"a": {"b": 1}}` alike. */
export const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`)

const isScalar = (value: unknown): value is Scalar =>
  value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
