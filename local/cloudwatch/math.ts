/**
 * Metric math, as far as alarms need it: numbers, + - * /, comparisons, AND, OR, IF, FILL with a number, and MAX, MIN,
 * SUM and AVG over lists. Everything works on one point in time, so a series is a value per point. Reference:
 * CloudWatch user guide, "Using math expressions with CloudWatch metrics".
 */
import { type Tokens, tokens } from './tokens.ts'

/** Undefined: there is no value at that time. */
export type Point = number | undefined
export interface Points {
  of(id: string): Point
  /** Of every metric of the query that is no expression. */
  all(): readonly Point[]
}
type Value = Point | readonly Point[]
export type Expression = (points: Points) => Point
type Term = (points: Points) => Value

/** Throws AwsError ValidationError naming what it does not know. */
export function compileMath(text: string): Expression {
  const words = tokens(text)
  const term = either(words)
  if (words.peek() !== '') throw words.fail(`"${words.peek()}" is not expected`)
  return points => single(term(points))
}

const single = (value: Value): Point => (typeof value === 'object' ? value[0] : value)
const list = (value: Value): readonly Point[] => (typeof value === 'object' ? value : [value])

function binary(
  words: Tokens,
  lower: (words: Tokens) => Term,
  operators: Readonly<Record<string, Operator>>,
): Term {
  let left = lower(words)
  for (;;) {
    const operator = operators[words.peek()]
    if (operator === undefined) return left
    words.next()
    const [first, second] = [left, lower(words)]
    left = points => {
      const [a, b] = [single(first(points)), single(second(points))]
      return a === undefined || b === undefined ? undefined : operator(a, b)
    }
  }
}
type Operator = (a: number, b: number) => Point
const truth = (value: boolean): number => (value ? 1 : 0)

const OR: Operator = (a, b) => truth(a !== 0 || b !== 0)
const AND: Operator = (a, b) => truth(a !== 0 && b !== 0)
const either = (words: Tokens): Term => binary(words, both, { OR, '||': OR })
const both = (words: Tokens): Term => binary(words, compared, { AND, '&&': AND })
const compared = (words: Tokens): Term =>
  binary(words, sum, {
    '>': (a, b) => truth(a > b),
    '>=': (a, b) => truth(a >= b),
    '<': (a, b) => truth(a < b),
    '<=': (a, b) => truth(a <= b),
    '==': (a, b) => truth(a === b),
    '!=': (a, b) => truth(a !== b),
  })
const sum = (words: Tokens): Term => binary(words, product, { '+': (a, b) => a + b, '-': (a, b) => a - b })
const product = (words: Tokens): Term =>
  binary(words, atom, { '*': (a, b) => a * b, '/': (a, b) => (b === 0 ? undefined : a / b) })

function atom(words: Tokens): Term {
  if (words.take('(')) {
    const inner = either(words)
    words.expect(')')
    return inner
  }
  if (words.take('[')) {
    const items = separated(words, ']')
    return points => items.flatMap(item => list(item(points)))
  }
  const word = words.next()
  if (/^\d/.test(word)) return () => Number(word)
  if (/^[a-z]\w*$/.test(word)) return points => points.of(word)
  if (!/^[A-Z]+$/.test(word)) throw words.fail(`"${word}" is not expected`)
  words.expect('(')
  const args = separated(words, ')')
  return call(words, word, args)
}

function separated(words: Tokens, end: string): Term[] {
  const items: Term[] = []
  while (!words.take(end)) {
    if (items.length > 0) words.expect(',')
    items.push(either(words))
  }
  return items
}

const over: Readonly<Record<string, (values: readonly number[]) => number>> = {
  MAX: values => Math.max(...values),
  MIN: values => Math.min(...values),
  SUM: values => values.reduce((a, b) => a + b, 0),
  AVG: values => values.reduce((a, b) => a + b, 0) / values.length,
}

function call(words: Tokens, name: string, args: readonly Term[]): Term {
  const [first, second, third] = args
  if (name === 'METRICS' && args.length === 0) return points => points.all()
  if (name === 'IF' && first && second && args.length <= 3)
    return points => {
      const condition = single(first(points))
      if (condition === undefined) return undefined
      return condition === 0 ? third?.(points) : second(points)
    }
  if (name === 'FILL' && first && second && args.length === 2)
    return points => list(first(points)).map(value => value ?? single(second(points)))
  const aggregate = over[name]
  if (aggregate && first && args.length === 1)
    return points => {
      // What is missing at that time does not take part.
      const values = list(first(points)).filter(value => value !== undefined)
      return values.length === 0 ? undefined : aggregate(values)
    }
  throw words.fail(`${name} with ${args.length} arguments is not run by the local cloud`)
}
