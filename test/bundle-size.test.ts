/** What Lambda loads at every cold start: one bundle per function, within its budget. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { functions, handlerName, readTemplate, root } from './template-rules/template.ts'

interface Metafile {
  readonly inputs: Readonly<Record<string, unknown>>
  readonly outputs: Readonly<
    Record<string, { bytes: number; entryPoint?: string; inputs: Readonly<Record<string, unknown>> }>
  >
}
const { inputs, outputs } = JSON.parse(readFileSync(new URL('dist/meta.json', root), 'utf8')) as Metafile
const bundles = Object.entries(outputs).map(([file, { bytes, inputs: of }]) => ({
  name: file.replace(/^dist\/(.*)\.cjs$/, '$1'),
  bytes,
  inputs: Object.keys(of),
}))
const LIMIT = 700_000
const AIM = 500_000

/** What must not come in, and by which mistake it does. */
const UNWANTED: readonly (readonly [RegExp, string])[] = [
  [/\/dist-cjs\//, 'the CommonJS build of the SDK does not tree-shake: esbuild needs mainFields module,main'],
  [/\/zod\/v4\/locales\/(?!en\.js$)/, 'the named import of zod brings every locale'],
  [/credential-provider-(sso|ini)/, 'the default credential chain came in past src/runtime/credentials.ts'],
  [
    /^(local|device|trainer|scripts|test|examples)\//,
    'only src/, compiler/, delta/ and verifier/ run in Lambda',
  ],
]

describe('bundles', () => {
  it('there is one per function', () => {
    const template = readTemplate()
    expect(bundles.map(b => b.name).sort()).toEqual(
      functions(template)
        .map(([id]) => handlerName(template, id))
        .sort(),
    )
  })
  it.each(bundles)('$name is at most 700 KB', ({ bytes }) => {
    expect(bytes).toBeLessThanOrEqual(LIMIT)
  })
  it.each(UNWANTED)('none holds %s', (part, why) => {
    const found = bundles.flatMap(b =>
      b.inputs.filter(i => part.test(i)).map(i => `${b.name}: ${i} (${why})`),
    )
    expect(found).toEqual([])
  })
  it('the list of their inputs is there to be looked at', () => {
    expect(Object.keys(inputs).some(i => i.includes('node_modules/@aws-sdk/client-dynamodb/dist-es/'))).toBe(
      true,
    )
  })
  it('those above the aim of 500 KB are named', () => {
    const above = bundles.filter(b => b.bytes > AIM).sort((a, b) => b.bytes - a.bytes)
    const list = above.map(b => `${b.name} ${Math.round(b.bytes / 1000)} KB`).join(', ')
    process.stdout.write(`Above the aim of 500 KB: ${list || 'none'}\n`)
    expect(above.length).toBeLessThan(bundles.length)
  })
})
