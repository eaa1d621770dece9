import type { Burst, HardStrategy, SamplingPolicy, SlotSampling } from './documents.ts'
import { thing, time } from './names.ts'
import {
  type Check,
  type Fields,
  fields,
  hex256,
  integer,
  list,
  ShapeError,
  someText,
  text,
} from './shape.ts'

const MAX_STRATEGIES = 8
const MAX_THINGS = 100
const MAX_BURST = 1_000

/** A number between two bounds, of which `open` ones are left out. */
const between =
  (min: number, max: number, open: { readonly min?: boolean; readonly max?: boolean } = {}): Check<number> =>
  (value, path) => {
    const ok =
      typeof value === 'number' &&
      (open.min ? value > min : value >= min) &&
      (open.max ? value < max : value <= max)
    if (!ok)
      throw new ShapeError(
        path,
        `${open.min ? 'above' : 'from'} ${min} ${open.max ? 'to below' : 'to'} ${max}`,
      )
    return value
  }
const fraction = between(0, 1)
const share = between(0, 1, { min: true })

const readStrategy: Check<HardStrategy> = (value, at) => {
  const { strategy } = (value ?? {}) as { readonly strategy?: unknown }
  const read = (key: string): Fields => fields(value, at, ['strategy', key, 'probability'])
  const probability = (f: Fields): number => share(f['probability'], `${at}.probability`)
  switch (strategy) {
    case 'margin': {
      const f = read('below')
      return { strategy, below: share(f['below'], `${at}.below`), probability: probability(f) }
    }
    case 'entropy': {
      const f = read('above')
      const above = between(0, 1, { max: true })(f['above'], `${at}.above`)
      return { strategy, above, probability: probability(f) }
    }
    case 'outOfDistribution': {
      const f = read('surprise')
      const surprise = between(0, 50, { min: true })(f['surprise'], `${at}.surprise`)
      return { strategy, surprise, probability: probability(f) }
    }
    case 'class': {
      const f = read('classes')
      const classes = list(f['classes'], `${at}.classes`, 1, 100, someText)
      return { strategy, classes, probability: probability(f) }
    }
    default:
      throw new ShapeError(`${at}.strategy`, '"margin", "entropy", "outOfDistribution" or "class"')
  }
}

function readHard(value: unknown, at: string): NonNullable<SamplingPolicy['hard']> {
  if (Array.isArray(value)) return list(value, at, 1, MAX_STRATEGIES, readStrategy)
  const f = fields(value, at, ['margin', 'probability'])
  return {
    margin: fraction(f['margin'], `${at}.margin`),
    probability: fraction(f['probability'], `${at}.probability`),
  }
}

function readLimits(value: unknown, at: string): NonNullable<SamplingPolicy['limits']> {
  const f = fields(value, at, [], ['itemsPerHour', 'bytesPerDay'])
  const optional = (key: string, check: Check<number>): object =>
    Object.hasOwn(f, key) ? { [key]: check(f[key], `${at}.${key}`) } : {}
  return {
    ...optional('itemsPerHour', integer(1, 1_000_000)),
    ...optional('bytesPerDay', integer(1_024, 1_000_000_000)),
  }
}

function readBurst(value: unknown, at: string): Burst {
  const f = fields(value, at, ['id', 'things', 'count', 'until'])
  return {
    id: text(/^[a-z0-9-]{1,64}$/, 'lower-case letters, digits and hyphens, at most 64')(f['id'], `${at}.id`),
    things: f['things'] === 'all' ? 'all' : list(f['things'], `${at}.things`, 1, MAX_THINGS, thing),
    count: integer(1, MAX_BURST)(f['count'], `${at}.count`),
    until: time(f['until'], `${at}.until`),
  }
}

/** What devices of a slot send of what they see. */
export function readSampling(value: unknown, at: string): SlotSampling {
  const f = fields(value, at, ['policy', 'factor', 'audit'], ['hard', 'limits', 'burst'])
  return {
    policy: hex256(f['policy'], `${at}.policy`),
    factor: share(f['factor'], `${at}.factor`),
    audit: fraction(f['audit'], `${at}.audit`),
    ...(Object.hasOwn(f, 'hard') ? { hard: readHard(f['hard'], `${at}.hard`) } : {}),
    ...(Object.hasOwn(f, 'limits') ? { limits: readLimits(f['limits'], `${at}.limits`) } : {}),
    ...(Object.hasOwn(f, 'burst') ? { burst: readBurst(f['burst'], `${at}.burst`) } : {}),
  }
}
