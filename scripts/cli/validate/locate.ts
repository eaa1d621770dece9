/** Where a field stands in a YAML text. */
import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node } from 'yaml'

export interface Place {
  readonly line: number
  readonly column: number
  readonly length: number
}

/**
 * The value at a path, or its key; where the path leads nowhere, as for a field that is missing, the key of the block
 * in which it is missed.
 */
export function locate(
  document: Document,
  lines: LineCounter,
  path: readonly PropertyKey[],
  key: boolean,
): Place {
  let node = document.contents as Node | null
  let found = rangeOf(node) ?? [0, 0]
  // The whole file is no place to point at.
  if (path.length > 0) found = [found[0], found[0]]
  for (const [depth, step] of path.entries()) {
    const resolved = isAlias(node) ? (node.resolve(document) as Node | null) : node
    const last = depth === path.length - 1
    if (isMap(resolved)) {
      const pair = resolved.items.find(
        ({ key: name }) => isScalar(name) && String(name.value) === String(step),
      )
      if (pair === undefined) break
      const [keyRange, valueRange] = [rangeOf(pair.key as Node), rangeOf(pair.value as Node | null)]
      const scalar = isScalar(pair.value) || isAlias(pair.value)
      found =
        (last && key) || !last || !scalar || empty(valueRange) ? (keyRange ?? found) : (valueRange ?? found)
      node = pair.value as Node | null
    } else if (isSeq(resolved)) {
      const item = resolved.items[Number(step)] as Node | undefined
      if (item === undefined) break
      found = rangeOf(item) ?? found
      node = item
    } else break
  }
  return placeOf(lines, found)
}

const empty = (range: readonly [number, number] | undefined): boolean =>
  range === undefined || range[0] === range[1]

const rangeOf = (node: Node | null | undefined): [number, number] | undefined => {
  const range = node?.range
  return range ? [range[0], range[1]] : undefined
}

function placeOf(lines: LineCounter, [from, to]: readonly [number, number]): Place {
  const { line, col } = lines.linePos(from)
  const end = lines.linePos(to)
  // Several lines are pointed at by their first.
  return { line, column: col, length: end.line === line ? Math.max(1, end.col - col) : 1 }
}
