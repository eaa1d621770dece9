/**
 * The walls of the architecture bite. Every planted import is linted in a copy of the project's Biome configuration,
 * at the path that its rule is about, so that nothing is ever written into the tree.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeOnly } from './source-text.ts'

const root = fileURLToPath(new URL('../', import.meta.url))

/** `[file, import]`: what must be refused. */
const forbidden: readonly (readonly [string, string])[] = [
  ['src/contracts/a.ts', 'node:crypto'],
  ['src/contracts/a.ts', '../domain/errors.ts'],
  ['src/contracts/a.ts', '@aws-sdk/client-s3'],
  ['src/contracts/events/a.ts', '../../domain/errors.ts'],
  ['src/contracts/events/a.ts', '../../../compiler/index.ts'],
  ['src/domain/a.ts', '@aws-sdk/client-s3'],
  ['src/domain/a.ts', '@aws-lambda-powertools/logger'],
  ['src/domain/a.ts', '@aws-lambda-powertools/logger/middleware'],
  ['src/domain/a.ts', '@middy/core'],
  ['src/domain/a.ts', 'aws-lambda'],
  ['src/domain/a.ts', 'node:fs'],
  ['src/domain/a.ts', 'node:fs/promises'],
  ['src/domain/a.ts', 'node:net'],
  ['src/domain/a.ts', 'node:http'],
  ['src/domain/a.ts', 'node:child_process'],
  ['src/domain/a.ts', '../adapters/table.ts'],
  ['src/domain/rollout/a.ts', '../../adapters/table.ts'],
  ['src/domain/rollout/a.ts', '../../handlers/reconcile.ts'],
  ['src/domain/rollout/a.ts', '../../runtime/lambda.ts'],
  ['src/domain/a.ts', '../../local/cloud.ts'],
  ['src/domain/rollout/a.ts', '../../../device/agent.ts'],
  ['src/adapters/a.ts', '../handlers/reconcile.ts'],
  ['src/adapters/a.ts', '../runtime/lambda.ts'],
  ['src/adapters/a.ts', '../../compiler/index.ts'],
  ['src/runtime/a.ts', '../handlers/reconcile.ts'],
  ...[
    'local/cloud.ts',
    'device/agent.ts',
    'scripts/build.ts',
    'examples/csv.ts',
    'test/loop/world.ts',
  ].flatMap(to =>
    [
      'src/contracts/a.ts',
      'src/domain/a.ts',
      'src/adapters/a.ts',
      'src/handlers/a.ts',
      'src/runtime/a.ts',
    ].map(from => [from, `../../${to}`] as const),
  ),
  ...[
    'src/contracts/mqtt.ts',
    'device/agent.ts',
    'compiler/index.ts',
    'trainer/main.ts',
    'scripts/build.ts',
  ].flatMap(to => [['local/a.ts', `../${to}`] as const, ['local/iot/rules/a.ts', `../../../${to}`] as const]),
  ['device/a.ts', '../src/domain/errors.ts'],
  ['device/a.ts', '../src/adapters/table.ts'],
  ['device/update/a.ts', '../../src/runtime/lambda.ts'],
  ['device/a.ts', '../compiler/index.ts'],
  ['device/a.ts', '../local/cloud.ts'],
  ['device/update/a.ts', '../../scripts/build.ts'],
  ...[
    'zod',
    '../src/contracts/mqtt.ts',
    '../src/domain/errors.ts',
    '../device/agent.ts',
    'node:fs',
    'mqtt',
  ].map(to => ['verifier/a.ts', to] as const),
  ...['../src/contracts/mqtt.ts', '../verifier/index.ts', '../device/agent.ts', '../local/cloud.ts'].map(
    to => ['conformance/a.ts', to] as const,
  ),
  ...[
    'zod',
    '../src/contracts/mqtt.ts',
    '../src/domain/errors.ts',
    '../device/agent.ts',
    '../verifier/index.ts',
    'node:fs',
    'nanotar',
  ].flatMap(to => [
    ['delta/a.ts', to] as const,
    ['delta/coder/a.ts', to.startsWith('../') ? `../${to}` : to] as const,
  ]),
  ...[
    '../src/domain/errors.ts',
    '../compiler/index.ts',
    '../device/agent.ts',
    '../local/cloud.ts',
    '../scripts/console.ts',
    '../test/console/fake-api.ts',
    '@aws-sdk/client-s3',
    'node:fs',
  ].flatMap(to => [
    ['console/a.ts', to] as const,
    ['console/pages/a.ts', to.startsWith('../') ? `../${to}` : to] as const,
  ]),
  ...['local', 'compiler', 'trainer', 'verifier'].map(area => [`${area}/a.ts`, '../delta/index.ts'] as const),
  ['local/a.ts', '../verifier/index.ts'],
  ['compiler/a.ts', '../verifier/index.ts'],
  ['trainer/a.ts', '../verifier/index.ts'],
  ['compiler/a.ts', '../src/contracts/mqtt.ts'],
  ['compiler/wasm/a.ts', '../../local/cloud.ts'],
  ['compiler/a.ts', '../device/agent.ts'],
  ['compiler/a.ts', '../trainer/main.ts'],
  ['compiler/a.ts', '@aws-sdk/client-s3'],
  ['trainer/a.ts', '../src/domain/errors.ts'],
  ['trainer/gbdt/a.ts', '../../local/cloud.ts'],
  ['trainer/a.ts', '../device/agent.ts'],
  ['trainer/a.ts', '../compiler/index.ts'],
  ['trainer/a.ts', '@aws-sdk/client-s3'],
]

const allowed: readonly (readonly [string, string])[] = [
  ['src/contracts/a.ts', './names.ts'],
  ['src/contracts/a.ts', './events/index.ts'],
  ['src/contracts/events/a.ts', '../envelope.ts'],
  ['src/domain/a.ts', '../contracts/mqtt.ts'],
  ['src/domain/rollout/a.ts', '../../contracts/manifest.ts'],
  ['src/domain/rollout/a.ts', '../device/health.ts'],
  ['src/domain/rollout/a.ts', '../../../compiler/index.ts'],
  ['src/domain/a.ts', 'csv-parse/sync'],
  ['src/domain/a.ts', 'nanotar'],
  ['src/domain/a.ts', 'node:crypto'],
  ['src/domain/a.ts', 'node:zlib'],
  ['src/adapters/a.ts', '@aws-sdk/client-s3'],
  ['src/adapters/a.ts', '../domain/ports.ts'],
  ['src/runtime/a.ts', '../adapters/table.ts'],
  ['src/handlers/a.ts', '../adapters/table.ts'],
  ['src/handlers/a.ts', '../../compiler/index.ts'],
  ['local/a.ts', './core/types.ts'],
  ['local/events/a.ts', '../core/services.ts'],
  ['verifier/a.ts', './json.ts'],
  ['delta/coder/a.ts', '../header.ts'],
  ['delta/a.ts', 'node:zlib'],
  ['conformance/scenarios/a.ts', '../trial.ts'],
  ['conformance/a.ts', '../compiler/index.ts'],
  ['conformance/a.ts', 'aedes'],
  ['verifier/a.ts', 'node:crypto'],
  ['delta/a.ts', './coder/block.ts'],
  ['delta/a.ts', 'node:zlib'],
  ['delta/align/a.ts', '../coder/shape.ts'],
  ['delta/align/a.ts', './anchors.ts'],
  ['delta/coder/a.ts', '../errors.ts'],
  ['device/update/a.ts', '../../delta/index.ts'],
  ['src/handlers/a.ts', '../../delta/index.ts'],
  ['device/a.ts', '../verifier/index.ts'],
  ['src/domain/trust/a.ts', '../../../verifier/index.ts'],
  ['src/handlers/a.ts', '../../verifier/index.ts'],
  ['device/a.ts', '../src/contracts/mqtt.ts'],
  ['device/update/a.ts', '../../compiler/run.ts'],
  ['device/a.ts', 'mqtt'],
  ['console/pages/a.ts', '../../src/contracts/api/index.ts'],
  ['console/pages/a.ts', '../lib/format.ts'],
  ['console/a.ts', 'preact'],
  ['compiler/wasm/a.ts', '../ensemble.ts'],
  ['trainer/gbdt/a.ts', '../errors.ts'],
  ['scripts/a.ts', '../local/cloud.ts'],
  ['test/a.ts', '../src/domain/errors.ts'],
]

const everywhere = [
  ...['contracts', 'domain', 'adapters', 'handlers', 'runtime'].map(area => `src/${area}`),
  ...['src/contracts/events', 'local', 'device', 'compiler', 'trainer', 'scripts', 'test', 'examples'],
]

interface Planted {
  readonly file: string
  readonly text: string
}
const planted: Planted[] = []
let dir = ''
let refused: ReadonlySet<string>

const plant = (from: string, text: string): string => {
  const file = join(dirname(from), `planted-${planted.length}.ts`)
  planted.push({ file, text })
  return file
}
const importing = (to: string): string => `import * as it from '${to}'\nexport const planted = it\n`
const wrong = forbidden.map(([from, to]) => ({ from, to, file: plant(from, importing(to)) }))
const right = allowed.map(([from, to]) => ({ from, to, file: plant(from, importing(to)) }))
const dynamic = plant('src/domain/a.ts', `export const load = () => import('@aws-sdk/client-s3')\n`)
const named = everywhere.map(area => ({
  area,
  bad: plant(`${area}/a.ts`, `import { z } from 'zod'\nexport const s = z.string()\n`),
}))
const star = plant('src/contracts/a.ts', `import * as z from 'zod'\nexport const s = z.string()\n`)

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'walls-'))
  for (const name of ['biome.json', '.gitignore']) cpSync(join(root, name), join(dir, name))
  for (const { file, text } of planted) {
    mkdirSync(join(dir, dirname(file)), { recursive: true })
    writeFileSync(join(dir, file), text)
  }
  refused = lint()
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** Files of the copy that break `noRestrictedImports`. */
function lint(): ReadonlySet<string> {
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')
  const args = [
    biome,
    'lint',
    '--only=style/noRestrictedImports',
    '--max-diagnostics=none',
    '--reporter=json',
    '.',
  ]
  let out: string
  try {
    out = execFileSync(process.execPath, args, {
      cwd: dir,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  } catch (error) {
    out = (error as { stdout: string }).stdout
  }
  const { diagnostics } = JSON.parse(out) as {
    diagnostics: { category: string; location: { path: string | { file: string } } }[]
  }
  const hits = diagnostics.filter(d => d.category === 'lint/style/noRestrictedImports')
  return new Set(
    hits.map(({ location: { path } }) => (typeof path === 'string' ? path : path.file).replace(/^\.\//, '')),
  )
}

describe('walls', () => {
  it.each(wrong)('$from may not import $to', ({ file }) => {
    expect([...refused]).toContain(file)
  })
  it.each(right)('$from may import $to', ({ file }) => {
    expect([...refused]).not.toContain(file)
  })
  it('a dynamic import is no way around', () => {
    expect([...refused]).toContain(dynamic)
  })
  it.each(named)('the named import of zod is refused in $area', ({ bad }) => {
    expect([...refused]).toContain(bad)
  })
  it('and the star import is not', () => {
    expect([...refused]).not.toContain(star)
  })
})

/**
 * Rule: outside comments and string literals, the source of the domain and the contracts names no clock, no source
 * of randomness, no timer, no network and no process. `Date.parse` and `new Date(argument)` are arithmetic and allowed.
 */
const impure: readonly (readonly [string, RegExp])[] = [
  ['Date.now', /\bDate\s*\.\s*now\b/],
  ['new Date without argument', /\bnew\s+Date\s*(\(\s*\)|(?![\s(\w]))/],
  ['Date as a function', /(?<!\bnew\s+)\bDate\s*\(/],
  ['Math.random', /\bMath\s*\.\s*random\b/],
  ['performance', /\bperformance\s*\.\s*(now|timeOrigin)\b/],
  ['a random source', /\b(randomUUID|randomBytes|randomInt|getRandomValues|randomFill(Sync)?)\b/],
  ['a timer', /\bset(Timeout|Interval|Immediate)\b/],
  ['the process', /\bprocess\s*\.\s*\w/],
  ['the network', /\bfetch\s*\(/],
]
const impurities = (text: string): string[] => {
  const code = codeOnly(text)
  return impure.filter(([, pattern]) => pattern.test(code)).map(([name]) => name)
}

describe('no clock and no chance in the domain', () => {
  const files = globSync('src/{domain,contracts}/**/*.ts', { cwd: root })
  it('there are files to look at', () => {
    expect(files.length).toBeGreaterThan(50)
  })
  it.each(files)('%s', file => {
    expect(impurities(readFileSync(join(root, file), 'utf8'))).toEqual([])
  })
  it.each([
    ['const at = Date.now()', 'Date.now'],
    ['const at = Date\n  .now()', 'Date.now'],
    ['const at = new Date()', 'new Date without argument'],
    ['const at = new Date( )', 'new Date without argument'],
    ['const at = new Date', 'new Date without argument'],
    ['const at = Date()', 'Date as a function'],
    [`const u = \`\${Math.random()}\``, 'Math.random'],
    ['const t = performance.now()', 'performance'],
    ['import { randomUUID } from "node:crypto"', 'a random source'],
    ['setTimeout(run, 1)', 'a timer'],
    ["const t = process.env['TABLE']", 'the process'],
    ['await fetch(url)', 'the network'],
  ])('%s is seen', (text, name) => {
    expect(impurities(text)).toContain(name)
  })
  it.each([
    'const at = Date.parse(text)',
    'const at = new Date(ms).toISOString()',
    "const help = 'call Date.now() yourself' // or Math.random()",
    '/* new Date() */ const x = 1',
    'const store = { fetched: process }',
  ])('%s is not', text => {
    expect(impurities(text)).toEqual([])
  })
})
