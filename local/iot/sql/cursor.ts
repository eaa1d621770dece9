import { SqlParseError } from './ast.ts'
import { readToken, type Token } from './lexer.ts'

/** Position in a statement, with one token of look-ahead. Keywords match in any case. */
export interface Cursor {
  peek(): Token
  peekSecond(): Token
  next(): Token
  isSymbol(text: string): boolean
  takeSymbol(text: string): boolean
  expectSymbol(text: string): void
  isKeyword(word: string): boolean
  takeKeyword(word: string): boolean
  expectKeyword(word: string): void
  /** A name or a quoted one, for aliases and members. */
  expectName(what: string): string
  fail(message: string): never
  /** Runs `parse` one level deeper; refuses statements nested too deeply for the stack. */
  nested<T>(parse: () => T): T
}

// Deep enough for any rule a person writes; each level costs several stack frames here and in the evaluator.
const MAX_DEPTH = 100

export const createCursor = (source: string, offset = 0): Cursor => {
  let current: Token | undefined
  let position = offset
  let depth = 0

  const peek = (): Token => {
    current ??= readToken(source, position)
    return current
  }
  const next = (): Token => {
    const token = peek()
    position = token.end
    current = undefined
    return token
  }
  const fail = (message: string): never => {
    throw new SqlParseError(message, peek().start)
  }
  const isSymbol = (text: string) => peek().kind === 'symbol' && peek().text === text
  const isKeyword = (word: string) => peek().kind === 'word' && peek().text.toUpperCase() === word
  const take = (matches: boolean): boolean => {
    if (matches) next()
    return matches
  }
  const found = () => (peek().kind === 'end' ? 'the end' : JSON.stringify(peek().text))

  return {
    peek,
    peekSecond: () => readToken(source, peek().end),
    next,
    isSymbol,
    takeSymbol: text => take(isSymbol(text)),
    expectSymbol: text => {
      if (!take(isSymbol(text))) fail(`expected "${text}" but found ${found()}`)
    },
    isKeyword,
    takeKeyword: word => take(isKeyword(word)),
    expectKeyword: word => {
      if (!take(isKeyword(word))) fail(`expected ${word} but found ${found()}`)
    },
    expectName: what => {
      const token = peek()
      if (token.kind !== 'word' && token.kind !== 'string')
        return fail(`expected ${what} but found ${found()}`)
      return next().text
    },
    fail,
    nested: parse => {
      if (++depth > MAX_DEPTH) fail(`the statement is nested more than ${MAX_DEPTH} levels deep`)
      const result = parse()
      depth--
      return result
    },
  }
}
