import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { signBundle } from '../../src/domain/trust/oms.ts'
import { ignoring, omsKey, verifyModel } from '../../verifier/model.ts'
import { type ModelDir, openModelDir } from './model-dir.ts'

/** Signs prehashed digests, as KMS does in `DIGEST` mode; node:crypto cannot. */
const CURVES = new Map([
  ['P-256', p256],
  ['P-384', p384],
  ['P-521', p521],
])

const OPTIONS = {
  method: { type: 'string' },
  'model-path': { type: 'string' },
  'private-key': { type: 'string' },
  'public-key': { type: 'string' },
  'output-bundle': { type: 'string' },
  bundle: { type: 'string' },
  'ignore-paths': { type: 'string', multiple: true },
  'ignore-unsigned-files': { type: 'boolean' },
  'signing-cert': { type: 'string' },
  'cert-chain': { type: 'string', multiple: true },
  identity: { type: 'string' },
  'identity-provider': { type: 'string' },
  'identity-token': { type: 'string' },
  'use-staging': { type: 'boolean' },
} as const
type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values']

/**
 * The command line that the OMS conformance suite calls: `sign-model` or `verify-model` with its flags.
 * Key mode only.
 * @returns what was signed or verified
 * @throws Error when it was not
 */
export async function omsAdapter(args: readonly string[]): Promise<string> {
  const [command, ...rest] = args
  const { values } = parseArgs({ args: rest, options: OPTIONS, strict: true })
  if (values.method !== 'key')
    throw new Error(`--method must be key; ${values.method ?? 'none'} is not supported`)
  const model = openModelDir(need(values, 'model-path'))
  if (command === 'sign-model') return await sign(model, values)
  if (command === 'verify-model') return verify(model, values)
  throw new Error(`the command must be sign-model or verify-model, not ${command}`)
}

async function sign(model: ModelDir, values: Values): Promise<string> {
  const output = need(values, 'output-bundle')
  const privateKey = createPrivateKey(readFileSync(need(values, 'private-key')))
  const { crv, d } = privateKey.export({ format: 'jwk' })
  const curve = CURVES.get(crv ?? '')
  if (curve === undefined || d === undefined)
    throw new Error('--private-key must be an EC key on P-256, P-384 or P-521')
  const secret = Buffer.from(d, 'base64url')
  const ignorePaths = ignoredIn(model, output, values)
  const files = [...model.list(ignoring(ignorePaths))].map(name => ({ name, sha256: model.sha256(name) }))
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  const bundle = await signBundle(
    model.name,
    files,
    spki,
    async digest => curve.sign(digest, secret, { prehash: false, lowS: false, format: 'der' }),
    ignorePaths,
  )
  writeFileSync(output, bundle)
  return `signed ${files.length} files of ${model.name}`
}

function verify(model: ModelDir, values: Values): string {
  const bundle = need(values, 'bundle')
  const signed = verifyModel(
    readFileSync(bundle),
    omsKey(readFileSync(need(values, 'public-key'), 'utf8'), '--public-key'),
    model,
    {
      ignorePaths: ignoredIn(model, bundle, values),
      ignoreUnsignedFiles: values['ignore-unsigned-files'] === true,
    },
  )
  return `verified ${signed.length} files of ${model.name}`
}

/** The bundle may lie in the model that it signs (OMS §6.2). What lies outside of the model needs no ignoring. */
const ignoredIn = (model: ModelDir, bundle: string, values: Values): string[] =>
  [bundle, ...(values['ignore-paths'] ?? [])].flatMap(path => model.inside(path) ?? [])

function need(
  values: Values,
  name: 'model-path' | 'private-key' | 'public-key' | 'output-bundle' | 'bundle',
) {
  const value = values[name]
  if (value === undefined) throw new Error(`--${name} is missing`)
  return value
}
