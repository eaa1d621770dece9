/** Percent-encoding as SigV4 defines it: everything but A–Z a–z 0–9 - _ . ~ is encoded, in upper-case hex. */
export function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** Decodes percent-escapes; `undefined` when the escapes are no valid UTF-8. */
export function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Query parameters in wire order, decoded. `+` counts as a space, as in URLSearchParams. */
export function parseQuery(rawQuery: string): readonly (readonly [string, string])[] {
  if (rawQuery === '') return []
  return rawQuery
    .split('&')
    .filter(part => part !== '')
    .map(part => {
      const at = part.indexOf('=')
      const [name, value] = at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)]
      return [decodeOrKeep(name), decodeOrKeep(value)] as const
    })
}

function decodeOrKeep(text: string): string {
  const spaced = text.replaceAll('+', ' ')
  return decodePercent(spaced) ?? spaced
}

/** Order of SigV4's sorted lists: by code point, not by locale. */
export function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
