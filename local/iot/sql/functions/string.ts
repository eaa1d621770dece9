import { createHash } from 'node:crypto'
import type { SqlFunction } from '../function-table.ts'
import { toInt, toText, type Value } from '../values.ts'

const onText =
  (compute: (text: string) => Value): SqlFunction =>
  ([argument]) => {
    const text = toText(argument)
    return text === undefined ? undefined : compute(text)
  }
const onTexts =
  (compute: (first: string, second: string, third: string) => Value, count: 2 | 3): SqlFunction =>
  args => {
    const [first, second, third] = args.slice(0, count).map(toText)
    if (first === undefined || second === undefined) return undefined
    if (count === 3 && third === undefined) return undefined
    return compute(first, second, third ?? '')
  }
const hash = (algorithm: string) => onText(text => createHash(algorithm).update(text, 'utf8').digest('hex'))

/** Compiles a pattern of the message's or the rule's; one that is no regular expression gives Undefined. */
const withRegExp = (pattern: string, flags: string, use: (compiled: RegExp) => Value): Value => {
  let compiled: RegExp
  try {
    compiled = new RegExp(pattern, flags)
  } catch {
    return undefined
  }
  return use(compiled)
}

// A padded string longer than a message may be is of no use to any action.
const MAX_PADDED = 131_072
const pad =
  (side: 'padStart' | 'padEnd'): SqlFunction =>
  ([subject, width]) => {
    const text = toText(subject)
    const size = toInt(width)
    if (text === undefined || size === undefined || size > MAX_PADDED) return undefined
    return text[side](text.length + Math.max(0, size), ' ')
  }

/** Indices below zero count as zero and those beyond the end as the end; crossed ones give the empty string. */
const substring: SqlFunction = args => {
  const text = toText(args[0])
  const from = toInt(args[1])
  const to = args.length > 2 ? toInt(args[2]) : Number.POSITIVE_INFINITY
  if (text === undefined || from === undefined || to === undefined) return undefined
  return text.slice(Math.max(0, from), Math.max(0, to))
}

/** Functions of strings. Other types are converted by the standard rules; null and Undefined give Undefined. */
export const stringFunctions: Readonly<Record<string, SqlFunction>> = {
  upper: onText(text => text.toUpperCase()),
  lower: onText(text => text.toLowerCase()),
  trim: onText(text => text.trim()),
  ltrim: onText(text => text.trimStart()),
  rtrim: onText(text => text.trimEnd()),
  lpad: pad('padStart'),
  rpad: pad('padEnd'),
  length: onText(text => text.length),
  numbytes: onText(text => Buffer.byteLength(text, 'utf8')),
  substring,
  startswith: onTexts((text, start) => text.startsWith(start), 2),
  endswith: onTexts((text, end) => text.endsWith(end), 2),
  indexof: onTexts((text, part) => text.indexOf(part), 2),
  replace: onTexts((text, from, to) => (from === '' ? text : text.split(from).join(to)), 3),
  chr: ([argument]) => {
    const code = toInt(argument)
    return code === undefined || code < 0 || code > 127 ? undefined : String.fromCharCode(code)
  },
  regexp_matches: onTexts((text, pattern) => withRegExp(pattern, '', r => r.test(text)), 2),
  regexp_substr: onTexts((text, pattern) => withRegExp(pattern, '', r => r.exec(text)?.[0]), 2),
  regexp_replace: onTexts(
    (text, pattern, replacement) => withRegExp(pattern, 'g', r => text.replace(r, replacement)),
    3,
  ),
  md5: hash('md5'),
  sha1: hash('sha1'),
  sha224: hash('sha224'),
  sha256: hash('sha256'),
  sha384: hash('sha384'),
  sha512: hash('sha512'),
}
