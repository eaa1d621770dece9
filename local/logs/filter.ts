/**
 * Filter patterns of CloudWatch Logs, as far as people type them at a prompt: terms, quoted phrases, `?any`,
 * `-none`, and comparisons on JSON lines. Reference: CloudWatch Logs user guide, "Filter pattern syntax".
 */
import { AwsError } from '../core/types.ts'

export type LineFilter = (message: string) => boolean

/** Throws AwsError InvalidParameterException for a pattern it does not know. An empty pattern passes every line. */
export function compileFilter(pattern: string): LineFilter {
  const text = pattern.trim()
  if (text === '') return () => true
  if (text.startsWith('{')) return jsonFilter(text)
  if (text.startsWith('[') || text.startsWith('%'))
    throw invalid(pattern, 'space-delimited patterns and regular expressions are not run by the local cloud')
  return termFilter(text)
}

function termFilter(text: string): LineFilter {
  const terms = [...text.matchAll(/([?-]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))/g)].map(([, sign, quoted, bare]) => ({
    sign,
    text: quoted === undefined ? (bare ?? '') : quoted.replaceAll(/\\(.)/g, '$1'),
  }))
  const of = (sign: string): readonly string[] =>
    terms.filter(each => each.sign === sign).map(each => each.text)
  const [all, any, none] = [of(''), of('?'), of('-')]
  return line =>
    all.every(term => line.includes(term)) &&
    (any.length === 0 || any.some(term => line.includes(term))) &&
    !none.some(term => line.includes(term))
}

const comparison = /^\$((?:\.[\w-]+|\[\d+\])+)\s*(=|!=|>=|<=|>|<)\s*(?:"((?:[^"\\]|\\.)*)"|([\w.*:+-]+))$/

function jsonFilter(text: string): LineFilter {
  const inner = /^\{(.*)\}$/s.exec(text)?.[1]
  if (inner === undefined) throw invalid(text, 'the closing brace is missing')
  const either = inner.split('||').map(part => part.split('&&').map(each => compare(each.trim(), text)))
  return line => {
    const value = parse(line)
    return value !== undefined && either.some(all => all.every(test => test(value)))
  }
}

function compare(term: string, pattern: string): (value: unknown) => boolean {
  const match = comparison.exec(term)
  if (!match) throw invalid(pattern, `cannot read "${term}"; write { $.field = "value" }, joined by && or ||`)
  const [, path = '', operator = '=', quoted, bare] = match
  const wanted = quoted ?? bare ?? ''
  const keys = path.split(/[.[\]]+/).filter(key => key !== '')
  const same = wildcard(wanted)
  return value => {
    const found = keys.reduce<unknown>(
      (holder, key) => (holder as Readonly<Record<string, unknown>> | null | undefined)?.[key],
      value,
    )
    if (operator === '=') return found !== undefined && same(String(found))
    if (operator === '!=') return !same(String(found))
    const [left, right] = [Number(found), Number(wanted)]
    if (operator === '>') return left > right
    if (operator === '<') return left < right
    return operator === '>=' ? left >= right : left <= right
  }
}

function wildcard(text: string): (value: string) => boolean {
  if (!text.includes('*')) return value => value === text
  const escaped = text.split('*').map(part => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  const regex = new RegExp(`^${escaped.join('.*')}$`, 's')
  return value => regex.test(value)
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line) as unknown
  } catch {
    return undefined
  }
}

const invalid = (pattern: string, reason: string): AwsError =>
  new AwsError('InvalidParameterException', `Invalid filter pattern ${pattern}: ${reason}.`)
