/** Words of CloudWatch's two small languages, metric math and alarm rules. */
import { AwsError } from '../core/types.ts'

export interface Tokens {
  /** The next word, without taking it; empty at the end. */
  peek(): string
  next(): string
  /** Takes the word if it is the next one. */
  take(word: string): boolean
  expect(word: string): void
  fail(reason: string): AwsError
}

const word = /\s*("(?:[^"\\]|\\.)*"|[A-Za-z_][\w.]*|\d+(?:\.\d+)?|>=|<=|==|!=|&&|\|\||[-+*/<>()[\],])/y

/** Throws AwsError ValidationError for a sign that neither language has. */
export function tokens(text: string): Tokens {
  const words: string[] = []
  word.lastIndex = 0
  const end = text.trimEnd().length
  while (word.lastIndex < end) {
    const at = word.lastIndex
    const match = word.exec(text)
    if (match === null)
      throw new AwsError('ValidationError', `cannot read "${text}" from ${JSON.stringify(text.slice(at))}`)
    words.push(match[1] ?? '')
  }
  let position = 0
  const fail = (reason: string): AwsError => new AwsError('ValidationError', `"${text}": ${reason}`)
  return {
    peek: () => words[position] ?? '',
    next: () => words[position++] ?? '',
    take(expected) {
      if (words[position] !== expected) return false
      position++
      return true
    },
    expect(expected) {
      if (words[position++] !== expected) throw fail(`"${expected}" is missing`)
    },
    fail,
  }
}
