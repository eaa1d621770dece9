/**
 * TypeScript without its comments and the contents of its string literals, so that a search finds code only. What
 * stands in `${…}` of a template is code and stays. A regular expression with a quote or `//` in it would be
 * misread: strings end at their line's end, which keeps such a mistake to one line.
 */
export function codeOnly(text: string): string {
  let out = ''
  let i = 0
  /** Open braces within each `${` that we are in. */
  const nested: number[] = []
  const template = (): void => {
    while (i < text.length) {
      if (text[i] === '\\') i += 2
      else if (text[i] === '`') {
        i++
        return
      } else if (text.startsWith('${', i)) {
        i += 2
        nested.push(0)
        out += ' '
        return
      } else i++
    }
  }
  while (i < text.length) {
    const c = text[i] as string
    if (text.startsWith('//', i)) i = lineEnd(text, i)
    else if (text.startsWith('/*', i)) {
      const end = text.indexOf('*/', i + 2)
      i = end < 0 ? text.length : end + 2
      out += ' '
    } else if (c === "'" || c === '"') i = quoted(text, i, c)
    else if (c === '`') {
      i++
      template()
    } else if (c === '}' && nested.at(-1) === 0) {
      nested.pop()
      i++
      template()
    } else {
      const depth = nested.length - 1
      if (depth >= 0 && c === '{') nested[depth] = (nested[depth] ?? 0) + 1
      if (depth >= 0 && c === '}') nested[depth] = (nested[depth] ?? 0) - 1
      out += c
      i++
    }
  }
  return out
}

const lineEnd = (text: string, from: number): number => {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}

function quoted(text: string, from: number, quote: string): number {
  for (let i = from + 1; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === quote) return i + 1
    else if (text[i] === '\n') return i
  }
  return text.length
}
