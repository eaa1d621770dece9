import { ModelFormatError } from '../errors.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Deepest nesting of `[` and `{` outside strings. */
const nesting = (bytes: Uint8Array): number => {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (inString) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    else if (byte === 0x7b || byte === 0x5b) deepest = Math.max(deepest, ++depth)
    else if (byte === 0x7d || byte === 0x5d) depth--
  }
  return deepest
}

/** Parses JSON text of at most `maxDepth` levels. Throws ModelFormatError. */
export const parseJson = (bytes: Uint8Array, maxDepth: number): unknown => {
  // Before JSON.parse: it recurses, and what it builds from a hostile text can be far larger than the text.
  if (nesting(bytes) > maxDepth) throw new ModelFormatError('', `is nested deeper than ${maxDepth} levels`)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new ModelFormatError(
      '',
      `is not valid JSON: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}
