import type { UnsafeJsonCode } from '../../verifier/json.ts'

export interface HostileText {
  readonly what: string
  /** Made when needed: some are tens of megabytes. */
  readonly make: () => Uint8Array
  /** With room for its bytes and 64 levels; null: JSON that a schema has to refuse. */
  readonly code: UnsafeJsonCode | null
}

const text = (what: string, code: HostileText['code'], made: string | (() => string)): HostileText => ({
  what,
  code,
  make: () => Buffer.from(typeof made === 'string' ? made : made()),
})
const bytes = (what: string, code: HostileText['code'], ...made: number[]): HostileText => ({
  what,
  code,
  make: () => Uint8Array.from(made),
})
const times = (count: number, piece: string): string => piece.repeat(count)
const DEEP = 200_000

export const TEXTS: readonly HostileText[] = [
  text('a number above all', 'NOT_FINITE', '{"t":1e999}'),
  text('a number below all', 'NOT_FINITE', '[-1e999]'),
  text('an exponent of 100,000 digits', 'NOT_FINITE', () => `[1e${times(100_000, '9')}]`),
  text('an integer of 100,000 digits', 'NOT_FINITE', () => times(100_000, '9')),
  text('a number that vanishes', 'PRECISION_LOST', '{"t":1e-99999}'),
  text('an integer that loses a digit', 'PRECISION_LOST', '{"seq":9007199254740993}'),
  text('a negative integer that loses a digit', 'PRECISION_LOST', '{"seq":-9223372036854775807}'),
  text('lists 200,000 deep', 'TOO_DEEP', () => `${times(DEEP, '[')}${times(DEEP, ']')}`),
  text('lists 200,000 deep that never close', 'TOO_DEEP', () => times(DEEP, '[')),
  text('objects 200,000 deep', 'TOO_DEEP', () => `${times(DEEP, '{"a":')}1${times(DEEP, '}')}`),
  text('both by turns', 'TOO_DEEP', () => `${times(DEEP, '[{"a":')}1${times(DEEP, '}]')}`),
  text('depth behind a string of brackets', 'TOO_DEEP', () => `["]]]]",${times(DEEP, '[')}`),
  text('depth behind escapes', 'TOO_DEEP', () => `["\\\\\\"",${times(DEEP, '[')}`),
  text('closing brackets first', 'TOO_DEEP', () => `${times(9, ']')}${times(DEEP, '[')}`),
  text('the key __proto__', 'FORBIDDEN_KEY', '{"__proto__":{"admin":true}}'),
  text('the key __proto__ below', 'FORBIDDEN_KEY', '{"body":[{"__proto__":null}]}'),
  text('the key __proto__ in escapes', 'FORBIDDEN_KEY', '{"\\u005f\\u005fproto\\u005f\\u005f":{}}'),
  text('constructor and prototype', null, '{"constructor":{"prototype":{"admin":true}}}'),
  text('names of methods', null, '{"toString":1,"hasOwnProperty":2,"then":3,"toJSON":4}'),
  text('a key twice', 'DUPLICATE_KEY', '{"thing":"a","thing":"b"}'),
  text('a key twice, once in escapes', 'DUPLICATE_KEY', '{"thing":"a","\\u0074hing":"b"}'),
  text('the last of 50,000 keys twice', 'DUPLICATE_KEY', () => `{${keyList(50_000)},"k49999":1}`),
  text('half a surrogate pair', 'LONE_SURROGATE', '{"detail":"\\ud800"}'),
  text('the other half', 'LONE_SURROGATE', '["\\udfff"]'),
  text('half a pair as a key', 'LONE_SURROGATE', '{"\\ud800":1}'),
  bytes('half a pair, not in escapes', 'NOT_UTF8', 0x22, 0xed, 0xa0, 0x80, 0x22),
  bytes('an overlong quote', 'NOT_UTF8', 0x22, 0xc0, 0xa2),
  bytes('beyond Unicode', 'NOT_UTF8', 0x22, 0xf4, 0x90, 0x80, 0x80, 0x22),
  bytes('UTF-16', 'NOT_UTF8', 0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00),
  bytes('UTF-16 without a mark', 'NOT_JSON', 0x7b, 0x00, 0x7d, 0x00),
  bytes('a byte order mark', 'BYTE_ORDER_MARK', 0xef, 0xbb, 0xbf, 0x7b, 0x7d),
  bytes('NULs', 'NOT_JSON', 0, 0, 0, 0),
  text('a NUL behind', 'NOT_JSON', '{}\0'),
  text('nothing', 'NOT_JSON', ''),
  text('blanks', 'NOT_JSON', () => times(100_000, ' ')),
  text('one quote', 'NOT_JSON', '"'),
  text('a backslash at the end', 'NOT_JSON', '"\\'),
  text('a cut escape', 'NOT_JSON', '"\\u12'),
  text('NaN', 'NOT_JSON', '[NaN]'),
  text('Infinity', 'NOT_JSON', '[-Infinity]'),
  text('undefined', 'NOT_JSON', 'undefined'),
  text('a comment', 'NOT_JSON', '{}//'),
  text('a comma too many', 'NOT_JSON', '{"a":1,}'),
  text('single quotes', 'NOT_JSON', "{'a':1}"),
  text('a hex number', 'NOT_JSON', '[0x10]'),
  text('an octal number', 'NOT_JSON', '[017]'),
  text('a plus', 'NOT_JSON', '[+1]'),
  text('a big integer of JavaScript', 'NOT_JSON', '[1n]'),
  text('a line feed in a string', 'NOT_JSON', '"a\nb"'),
  text('two values', 'NOT_JSON', '{}{}'),
  text('a form feed between', 'NOT_JSON', '[1,\f2]'),
  text('a line separator in a string', null, '"\u2028"'),
  text('a NUL in a string', null, '{"detail":"\\u0000"}'),
  text('no object', null, 'null'),
  text('a list', null, '[]'),
  text('300,000 empty objects', null, () => `[${times(300_000, '{},')}{}]`),
  text('50,000 keys', null, () => `{${keyList(50_000)}}`),
  text('a key of a megabyte', null, () => `{"${times(1_000_000, 'k')}":1}`),
  text('a string of eight megabytes', null, () => `"${times(8_000_000, 'x')}"`),
]

const keyList = (count: number): string => Array.from({ length: count }, (_, i) => `"k${i}":${i}`).join()

/** Only a YAML parser minds these; each fits into the 64 KiB of a model.yaml. */
export const YAML_TEXTS: readonly HostileText[] = [
  text('YAML: lists 60,000 deep', null, () => times(60_000, '[')),
  text('YAML: closed lists 30,000 deep', null, () => `${times(30_000, '[')}${times(30_000, ']')}`),
  text('YAML: objects 15,000 deep', null, () => times(15_000, '{a: ')),
  text('YAML: sequences 30,000 deep', null, () => times(30_000, '- ')),
  text('YAML: ever more indented', null, () =>
    Array.from({ length: 350 }, (_, i) => `${times(i, ' ')}a:`).join('\n'),
  ),
  text('YAML: a billion laughs', null, () =>
    [
      'a0: &a0 [x]',
      ...Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [${times(9, `*a${i},`)}]`),
    ].join('\n'),
  ),
  text('YAML: an alias of itself', null, 'a: &a [*a]'),
  text('YAML: an alias of nothing', null, 'name: *nothing'),
  text('YAML: __proto__', null, '__proto__: { admin: true }'),
  text('YAML: __proto__ by a merge', null, 'base: &b { __proto__: { admin: true } }\n<<: *b'),
  text('YAML: a function', null, 'name: !!js/function "function () { process.exit(9) }"'),
  text('YAML: a key twice', null, 'name: a\nname: b'),
  text('YAML: an infinite number', null, 'selfTestRows: .inf'),
  text('YAML: no number', null, 'selfTestRows: .nan'),
  text('YAML: 10,000 documents', null, () => times(10_000, '---\n')),
  text('YAML: a key that is a list', null, '? [a, b]\n: c'),
  text('YAML: a tab', null, 'name:\n\tx: 1'),
]
