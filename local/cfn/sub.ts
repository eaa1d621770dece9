/** The text side of `Fn::Sub`. */

/** Replaces `${name}` by `lookup(name)`; `${!name}` stands for the text `${name}` itself. */
export function substitute(text: string, lookup: (name: string) => string): string {
  return text.replace(/\$\{([^{}]*)\}/g, (_, inner: string) =>
    inner.startsWith('!') ? `\${${inner.slice(1)}}` : lookup(inner.trim()),
  )
}

/** Names that a `Fn::Sub` text refers to, escapes left out. */
export function namesIn(text: string): readonly string[] {
  const names: string[] = []
  substitute(text, name => {
    names.push(name)
    return ''
  })
  return names
}
