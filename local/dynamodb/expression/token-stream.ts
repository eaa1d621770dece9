import type { AttributeValue } from '../attribute-value.ts'
import { validation } from '../errors.ts'
import { reservedWords } from '../reserved-words.ts'
import { type ExpressionName, type Token, tokenise } from './lexer.ts'
import type { Path } from './path.ts'
import type { Substitutions } from './substitutions.ts'

/** Cursor over the tokens of one expression, with the parts that all kinds of expression share. */
export interface TokenStream {
  peek(offset?: number): Token
  next(): Token
  /** Takes the token when it is this symbol or, without regard to case, this keyword. */
  take(text: string): boolean
  expect(text: string): void
  expectEnd(): void
  atKeyword(...words: readonly string[]): boolean
  path(): Path
  atPath(): boolean
  value(): AttributeValue
  list<T>(element: () => T): readonly T[]
  /** Runs a nested part; refuses nesting that could exhaust the stack. */
  nested<T>(part: () => T): T
  fault(detail: string): Error
  syntaxFault(): Error
}

const maxNesting = 150

export function openTokens(
  source: string,
  expression: ExpressionName,
  substitutions: Substitutions,
): TokenStream {
  const tokens = tokenise(source, expression)
  let at = 0
  let depth = 0
  const peek = (offset = 0): Token => tokens[Math.min(at + offset, tokens.length - 1)]!
  const next = (): Token => tokens[Math.min(at++, tokens.length - 1)]!
  const fault = (detail: string) => validation(`Invalid ${expression}: ${detail}`)
  const syntaxFault = () => {
    const near = tokens.slice(Math.max(0, at - 1), at + 2).filter(token => token.kind !== 'end')
    return fault(`Syntax error; token: "${peek().text}", near: "${near.map(token => token.text).join(' ')}"`)
  }
  const isKeyword = (token: Token, word: string) => token.kind === 'name' && token.text.toUpperCase() === word
  const take = (text: string): boolean => {
    const token = peek()
    const found = token.kind === 'symbol' ? token.text === text : isKeyword(token, text)
    if (found) at++
    return found
  }
  const expect = (text: string): void => {
    if (!take(text)) throw syntaxFault()
  }
  const attributeName = (): string => {
    const token = peek()
    if (token.kind === 'alias') return substitutions.name(next().text, expression)
    if (token.kind !== 'name') throw syntaxFault()
    if (reservedWords.has(token.text.toUpperCase()))
      throw fault(`Attribute name is a reserved keyword; reserved keyword: ${token.text}`)
    return next().text
  }
  const path = (): Path => {
    const steps: [string, ...(string | number)[]] = [attributeName()]
    for (;;) {
      if (take('.')) steps.push(attributeName())
      else if (take('[')) {
        if (peek().kind !== 'index') throw syntaxFault()
        const position = Number(next().text)
        if (position > 0x7fffffff)
          throw fault(`List index is not within the allowable range; index: [${position}]`)
        steps.push(position)
        expect(']')
      } else return steps
    }
  }
  return {
    peek,
    next,
    take,
    expect,
    expectEnd() {
      if (peek().kind !== 'end') throw syntaxFault()
    },
    atKeyword: (...words) => words.some(word => isKeyword(peek(), word)),
    path,
    atPath: () => peek().kind === 'name' || peek().kind === 'alias',
    value() {
      if (peek().kind !== 'value') throw syntaxFault()
      return substitutions.value(next().text, expression)
    },
    list<T>(element: () => T) {
      const elements = [element()]
      while (take(',')) elements.push(element())
      return elements
    },
    nested<T>(part: () => T) {
      if (++depth > maxNesting) throw fault('The expression is nested too deeply;')
      const result = part()
      depth--
      return result
    },
    fault,
    syntaxFault,
  }
}
