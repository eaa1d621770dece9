import type { AttributeValue, Item } from '../attribute-value.ts'
import { validation } from '../errors.ts'

/** A document path: attribute name, then map keys (text) and list positions (numbers, zero-based). */
export type Path = readonly [string, ...(string | number)[]]

export function resolvePath(item: Item, path: Path): AttributeValue | undefined {
  let value: AttributeValue | undefined = item[path[0]]
  for (let at = 1; at < path.length && value !== undefined; at++) {
    const step = path[at]!
    value = typeof step === 'number' ? value.L?.[step] : value.M?.[step]
  }
  return value
}

/** As the service prints paths in its messages: `[a, [0], b]`. */
export const printPath = (path: Path): string =>
  `[${path.map(step => (typeof step === 'number' ? `[${step}]` : step)).join(', ')}]`

/** Throws ValidationException when one path is the other's prefix, or both use one place as list and as map. */
export function assertDisjoint(paths: readonly Path[], expression: string): void {
  for (const [at, one] of paths.entries()) {
    for (const two of paths.slice(at + 1)) {
      const shared = Math.min(one.length, two.length)
      let same = 0
      while (same < shared && one[same] === two[same]) same++
      const relation =
        same === shared ? 'overlap' : typeof one[same] !== typeof two[same] ? 'conflict' : undefined
      if (relation !== undefined)
        throw validation(
          `Invalid ${expression}: Two document paths ${relation} with each other; must remove or rewrite one of these paths; path one: ${printPath(one)}, path two: ${printPath(two)}`,
        )
    }
  }
}
