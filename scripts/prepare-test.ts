/** Before `npm test`: bundles and template are there, and not older than what they are made from. */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { buildAndPackage, TEMPLATE } from './lib/local-cloud.ts'

const root = join(TEMPLATE, '..')
const PRODUCTS = ['dist/meta.json', '.serverless/cloudformation-template-update-stack.json']
/** Folders as well as files, because deleting a file only changes its folder. */
const INPUTS = [
  ...[
    'src',
    'src/**/*',
    'compiler',
    'compiler/**/*',
    'verifier',
    'verifier/**/*',
    'delta',
    'delta/**/*',
    'infra',
    'infra/*',
  ],
  ...['serverless.yml', 'scripts/build.ts', 'package-lock.json', 'tsconfig.json'],
]

const time = (file: string): number => statSync(join(root, file)).mtimeMs

/** Why a build is needed; undefined when what is there will do. */
export function staleness(): string | undefined {
  const missing = PRODUCTS.find(file => !existsSync(join(root, file)))
  if (missing !== undefined) return `${missing} is missing`
  // `osls package --stage x` writes to the same folder; tests are about the default stage.
  const [meta = '', template = ''] = PRODUCTS
  if (!readFileSync(join(root, template), 'utf8').includes('"TableName": "edgeloop-dev-state"'))
    return `${template} is of another stage`
  if (time(meta) > time(template)) return `${template} is older than ${meta}`
  const made = time(meta)
  const newer = globSync(INPUTS, { cwd: root }).find(file => time(file) > made)
  return newer === undefined ? undefined : `${newer} has changed`
}

if (import.meta.main) {
  const reason = staleness()
  if (reason !== undefined) {
    process.stdout.write(`Building and packaging: ${reason}\n`)
    await buildAndPackage()
  }
}
