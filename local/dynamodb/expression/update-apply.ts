import {
  type AttributeValue,
  copyItem,
  type Item,
  type MutableItem,
  type SetTag,
  setMembers,
  tagOf,
} from '../attribute-value.ts'
import { validation } from '../errors.ts'
import { addNumbers, subtractNumbers } from '../number.ts'
import { type Path, resolvePath } from './path.ts'
import type { SetValue, UpdateAction } from './update.ts'

/**
 * The item after an update. Every operand is read from the item as it was before, whatever the order of the
 * actions. Throws ValidationException when an operand is missing or of the wrong type, or a path leads nowhere.
 */
export function applyUpdate(item: Item, actions: readonly UpdateAction[]): Item {
  const updated = copyItem(item)
  const removals: Path[] = []
  for (const action of actions) {
    switch (action.kind) {
      case 'SET':
        assign(updated, action.path, evaluate(action.value, item))
        break
      case 'REMOVE':
        removals.push(action.path)
        break
      case 'ADD':
        assign(updated, action.path, added(resolvePath(item, action.path), action.value))
        break
      case 'DELETE': {
        const current = resolvePath(item, action.path)
        if (current === undefined) break
        const rest = without(current, action.value)
        if (rest === undefined) removals.push(action.path)
        else assign(updated, action.path, rest)
      }
    }
  }
  // Positions in the expression are those of the list before the update: take elements away from the end first.
  for (const path of removals.sort(lastPositionFirst)) assign(updated, path, undefined)
  return updated
}

/** Order of disjoint paths in which a later position of a list comes before an earlier one. */
function lastPositionFirst(left: Path, right: Path): number {
  const at = left.findIndex((step, position) => step !== right[position])
  const a = left[at]
  const b = right[at]
  if (typeof a === 'number' && typeof b === 'number') return b - a
  return String(a) < String(b) ? -1 : 1
}

function evaluate(value: SetValue, item: Item): AttributeValue {
  switch (value.kind) {
    case 'value':
      return value.value
    case 'path': {
      const found = resolvePath(item, value.path)
      if (found === undefined)
        throw validation('The provided expression refers to an attribute that does not exist in the item')
      return found
    }
    case 'if_not_exists':
      return resolvePath(item, value.path) ?? evaluate(value.otherwise, item)
    case 'list_append': {
      const left = evaluate(value.left, item).L
      const right = evaluate(value.right, item).L
      if (left === undefined || right === undefined) throw wrongType()
      return { L: [...left, ...right] }
    }
    case 'plus':
    case 'minus': {
      const left = evaluate(value.left, item).N
      const right = evaluate(value.right, item).N
      if (left === undefined || right === undefined) throw wrongType()
      return { N: value.kind === 'plus' ? addNumbers(left, right) : subtractNumbers(left, right) }
    }
  }
}

function added(current: AttributeValue | undefined, value: AttributeValue): AttributeValue {
  if (current === undefined) return value
  if (tagOf(current) !== tagOf(value)) throw wrongType()
  if (current.N !== undefined) return { N: addNumbers(current.N, value.N ?? '0') }
  return { [tagOf(current)]: [...new Set([...membersOf(current), ...membersOf(value)])] }
}

function without(current: AttributeValue, value: AttributeValue): AttributeValue | undefined {
  if (tagOf(current) !== tagOf(value)) throw wrongType()
  const removed = new Set(membersOf(value))
  const rest = membersOf(current).filter(member => !removed.has(member))
  return rest.length === 0 ? undefined : { [tagOf(current) as SetTag]: rest }
}
const membersOf = (value: AttributeValue): readonly string[] => setMembers(value) ?? []

/** Sets or, with `undefined`, removes what the path names, copying the lists and maps on the way. */
function assign(item: MutableItem, [name, ...steps]: Path, value: AttributeValue | undefined): void {
  const replaced = steps.length === 0 ? value : replaceIn(item[name], steps, value)
  if (replaced === undefined) delete item[name]
  else item[name] = replaced
}

function replaceIn(
  container: AttributeValue | undefined,
  steps: readonly (string | number)[],
  value: AttributeValue | undefined,
): AttributeValue {
  const [step, ...rest] = steps
  if (typeof step === 'number' && container?.L !== undefined) {
    const list = [...container.L]
    // A position after the end of the list appends.
    const at = Math.min(step, list.length)
    const replaced = rest.length === 0 ? value : replaceIn(list[step], rest, value)
    list.splice(at, 1, ...(replaced === undefined ? [] : [replaced]))
    return { L: list }
  }
  if (typeof step === 'string' && container?.M !== undefined) {
    const map = copyItem(container.M)
    const replaced = rest.length === 0 ? value : replaceIn(map[step], rest, value)
    if (replaced === undefined) delete map[step]
    else map[step] = replaced
    return { M: map }
  }
  throw validation('The document path provided in the update expression is invalid for update')
}

const wrongType = () => validation('An operand in the update expression has an incorrect data type')
