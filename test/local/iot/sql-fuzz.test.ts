import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SqlParseError } from '../../../local/iot/sql/ast.ts'
import { createMessageContext } from '../../../local/iot/sql/context.ts'
import { evaluateStatement } from '../../../local/iot/sql/evaluate.ts'
import { parseStatement } from '../../../local/iot/sql/parser.ts'

const words = [
  'SELECT',
  'VALUE',
  'FROM',
  'WHERE',
  'AS',
  'AND',
  'OR',
  'NOT',
  'IN',
  'CASE',
  'WHEN',
  'THEN',
  'ELSE',
  'END',
  'NULL',
  'true',
  'cast',
  'encode',
  'topic',
  'get',
  'substring',
  'a',
  'b',
  '__proto__',
  'constructor',
  'int',
]
const symbols = [
  '*',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  ',',
  '.',
  ':',
  '+',
  '-',
  '/',
  '%',
  '=',
  '<>',
  '<',
  '>=',
  '"s"',
  "'t/#'",
  '1',
  '2.5',
  '$',
  '\\',
  '\n',
]
const soup = fc.array(fc.constantFrom(...words, ...symbols), { maxLength: 40 }).map(parts => parts.join(' '))

const parses = (sql: string): boolean => {
  try {
    parseStatement(sql)
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(SqlParseError)
    return false
  }
}

describe('the SQL parser', () => {
  it('never throws anything but SqlParseError, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), text => void parses(text)),
      { numRuns: 2000 },
    )
    fc.assert(
      fc.property(soup, text => void parses(`SELECT ${text}`)),
      { numRuns: 5000 },
    )
  })
})

type Payload = { a: number; b: string; c: { d: number[] } }
const message = (payload: Payload) =>
  createMessageContext({
    raw: Buffer.from(JSON.stringify(payload)),
    topic: 'x/y',
    accountId: '1',
    now: 0,
  })
const payloads = fc.record({
  a: fc.integer({ min: -1000, max: 1000 }),
  b: fc.string({ maxLength: 5 }),
  c: fc.record({ d: fc.array(fc.integer(), { maxLength: 3 }) }),
})

/** Expressions with the value that JavaScript gives the same text. */
const arithmetic = fc.letrec<{ expression: string }>(tie => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.integer({ min: 0, max: 99 }).map(String),
    fc.constant('a'),
    fc
      .tuple(tie('expression'), fc.constantFrom('+', '-', '*'), tie('expression'))
      .map(([left, operator, right]) => `${left} ${operator} ${right}`),
    tie('expression').map(inner => `(${inner})`),
  ),
})).expression

describe('evaluation', () => {
  it('binds arithmetic as JavaScript does', () => {
    fc.assert(
      fc.property(arithmetic, payloads, (expression, payload) => {
        const expected: unknown = new Function('a', `return ${expression}`)(payload.a)
        if (!Number.isSafeInteger(expected)) return
        const output = evaluateStatement(
          parseStatement(`SELECT VALUE ${expression} FROM 't'`),
          message(payload),
        )
        // JSON has no negative zero.
        expect(JSON.parse(output?.toString() ?? '')).toBe((expected as number) + 0)
      }),
      { numRuns: 500 },
    )
  })

  it('either gives bytes of JSON or no match, for every statement that parses', () => {
    fc.assert(
      fc.property(soup, payloads, (text, payload) => {
        const sql = `SELECT ${text}`
        if (!parses(sql)) return
        const output = evaluateStatement(parseStatement(sql), message(payload))
        if (output !== undefined && output.length > 0) JSON.parse(output.toString())
      }),
      { numRuns: 5000 },
    )
  })
})
