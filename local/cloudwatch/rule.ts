/** Rules of composite alarms. Reference: CloudWatch API reference, PutCompositeAlarm, AlarmRule. */
import { type Tokens, tokens } from './tokens.ts'

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA'
export interface CompositeRule {
  readonly names: readonly string[]
  holds(stateOf: (alarm: string) => AlarmState): boolean
}
type Term = (stateOf: (alarm: string) => AlarmState) => boolean

/** Throws AwsError ValidationError naming what it does not know. Alarms are named in quotes, by name or ARN. */
export function compileRule(text: string): CompositeRule {
  const words = tokens(text)
  const names: string[] = []
  const term = either(words, names)
  if (words.peek() !== '') throw words.fail(`"${words.peek()}" is not expected`)
  return { names, holds: term }
}

function either(words: Tokens, names: string[]): Term {
  const parts = [both(words, names)]
  while (words.take('OR')) parts.push(both(words, names))
  return stateOf => parts.some(part => part(stateOf))
}
function both(words: Tokens, names: string[]): Term {
  const parts = [one(words, names)]
  while (words.take('AND')) parts.push(one(words, names))
  return stateOf => parts.every(part => part(stateOf))
}
function one(words: Tokens, names: string[]): Term {
  if (words.take('NOT')) {
    const inner = one(words, names)
    return stateOf => !inner(stateOf)
  }
  if (words.take('(')) {
    const inner = either(words, names)
    words.expect(')')
    return inner
  }
  const word = words.next()
  if (word === 'TRUE' || word === 'FALSE') return () => word === 'TRUE'
  if (word !== 'ALARM' && word !== 'OK' && word !== 'INSUFFICIENT_DATA')
    throw words.fail(`"${word}" is not ALARM, OK, INSUFFICIENT_DATA, TRUE or FALSE`)
  words.expect('(')
  const quoted = words.next()
  if (!/^".*"$/.test(quoted)) throw words.fail(`the name of an alarm must be in quotes, not ${quoted}`)
  const name = quoted.slice(1, -1).replace(/^arn:aws:cloudwatch:[^:]*:\d*:alarm:/, '')
  names.push(name)
  words.expect(')')
  return stateOf => stateOf(name) === word
}
