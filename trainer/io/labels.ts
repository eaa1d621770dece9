import type { Hyperparameters } from '../hyperparameters.ts'
import { parseCell, shown } from './cells.ts'

/** Reads a label cell: a float32, or the reason why it is none. */
export type LabelReader = (cell: string) => number | string

/** What a label may be under the job's objective and classes. */
export function createLabelReader(
  hp: Pick<Hyperparameters, 'objective' | 'num_class' | 'classes'>,
): LabelReader {
  const { objective, classes } = hp
  if (classes !== undefined) {
    const codes = new Map(classes.map((name, code) => [name, code]))
    const known = classes.length > 8 ? `${classes.slice(0, 8).join(', ')}, …` : classes.join(', ')
    return cell => codes.get(cell) ?? `label ${shown(cell)} is not one of the classes ${known.slice(0, 200)}`
  }
  return cell => {
    const value = parseCell(cell)
    if (typeof value === 'string')
      return `label ${value.replace(/; leave the cell empty.*/, '')}${hintFor(objective)}`
    if (Number.isNaN(value)) return 'the label is missing; remove the line'
    if (objective === 'binary:logistic' && value !== 0 && value !== 1)
      return `label ${shown(cell)} is neither 0 nor 1, which binary:logistic needs`
    if (objective.startsWith('multi:') && !(Number.isInteger(value) && value >= 0 && value < hp.num_class))
      return `label ${shown(cell)} is not an integer from 0 to ${hp.num_class - 1} (num_class ${hp.num_class})`
    return value
  }
}

function hintFor(objective: string): string {
  return objective === 'reg:squarederror' ? '' : '; for words as labels set the hyperparameter classes'
}
