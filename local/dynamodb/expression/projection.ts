import { type AttributeValue, type Item, type MutableItem, newItem } from '../attribute-value.ts'
import { assertDisjoint, type Path } from './path.ts'
import type { Substitutions } from './substitutions.ts'
import { openTokens } from './token-stream.ts'

export function parseProjection(source: string, substitutions: Substitutions): readonly Path[] {
  const tokens = openTokens(source, 'ProjectionExpression', substitutions)
  const paths = tokens.list(() => tokens.path())
  tokens.expectEnd()
  assertDisjoint(paths, 'ProjectionExpression')
  return paths
}

/** The parts of an item that the paths name, nested as in the item; elements of lists close up, in their order. */
export function project(item: Item, paths: readonly Path[]): Item {
  return pick(item, paths)
}

type Steps = readonly (string | number)[]

function pick(item: Item, paths: readonly Steps[]): MutableItem {
  const picked = newItem()
  for (const [step, rests] of byFirstStep(paths)) {
    const value = typeof step === 'string' ? item[step] : undefined
    const part = value === undefined ? undefined : pickValue(value, rests)
    if (part !== undefined) picked[step] = part
  }
  return picked
}

function pickValue(value: AttributeValue, paths: readonly Steps[]): AttributeValue | undefined {
  if (paths.some(path => path.length === 0)) return value
  if (value.M !== undefined) {
    const part = pick(value.M, paths)
    return Object.keys(part).length === 0 ? undefined : { M: part }
  }
  if (value.L === undefined) return undefined
  const elements: AttributeValue[] = []
  const positions = [...byFirstStep(paths)].filter(([step]) => typeof step === 'number')
  for (const [step, rests] of positions.sort(([a], [b]) => Number(a) - Number(b))) {
    const element = value.L[Number(step)]
    const part = element === undefined ? undefined : pickValue(element, rests)
    if (part !== undefined) elements.push(part)
  }
  return elements.length === 0 ? undefined : { L: elements }
}

function byFirstStep(paths: readonly Steps[]): Map<string | number, Steps[]> {
  const groups = new Map<string | number, Steps[]>()
  for (const [step, ...rest] of paths) {
    if (step === undefined) continue
    const group = groups.get(step)
    if (group === undefined) groups.set(step, [rest])
    else group.push(rest)
  }
  return groups
}
