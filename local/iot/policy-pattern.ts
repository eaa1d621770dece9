import type { PolicyVariables } from './policy.ts'

/** Text of a policy with its wildcards and variables told apart. */
export type Pattern = readonly PatternPart[]
type PatternPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string }
  /** `*` */
  | { readonly kind: 'any' }
  /** `?` */
  | { readonly kind: 'one' }

// Names in ${} may hold brackets and dots: iot:Connection.Thing.Attributes[site].
const PART = /\$\{([^}]*)\}|[*?]|[^*?$]+|\$/g
const LITERALS: Readonly<Record<string, string>> = { '*': '*', '?': '?', $: '$' }

export const parsePattern = (text: string): Pattern =>
  [...text.matchAll(PART)].map(([part, name]): PatternPart => {
    if (part === '*') return { kind: 'any' }
    if (part === '?') return { kind: 'one' }
    if (name === undefined) return { kind: 'text', text: part }
    const literal = LITERALS[name]
    return literal === undefined ? { kind: 'variable', name } : { kind: 'text', text: literal }
  })

/**
 * Matches the whole text. `*` and `?` span topic levels; `+` and `#` are ordinary characters; a wildcard inside a
 * variable's value (a client id may hold one) stands for itself.
 */
export const matchPattern = (pattern: Pattern, text: string, variables: PolicyVariables): boolean => {
  const symbols: (string | typeof ANY | typeof ONE)[] = []
  for (const part of pattern) {
    if (part.kind === 'any') symbols.push(ANY)
    else if (part.kind === 'one') symbols.push(ONE)
    else {
      const value = part.kind === 'text' ? part.text : variables(part.name)
      if (typeof value !== 'string') return false
      symbols.push(...value)
    }
  }
  return matchSymbols(symbols, [...text])
}

const ANY = Symbol('*')
const ONE = Symbol('?')

// Goes back to the last * only, so it takes at most pattern × text steps.
const matchSymbols = (pattern: readonly (string | symbol)[], text: readonly string[]): boolean => {
  let p = 0
  let star = -1
  let resume = 0
  for (let t = 0; t < text.length; ) {
    if (pattern[p] === ANY) {
      star = p++
      resume = t
    } else if (p < pattern.length && (pattern[p] === ONE || pattern[p] === text[t])) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++resume
    } else return false
  }
  while (pattern[p] === ANY) p++
  return p === pattern.length
}
