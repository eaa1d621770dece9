import type { DsseEnvelope } from '../../src/contracts/manifest.ts'
import { InputError } from '../../src/domain/errors.ts'
import { nextRoot, type RootChanges, type RootRole, unsignedRoot } from '../../src/domain/trust/root.ts'
import type { PinnedKey, TrustRoot } from '../../verifier/index.ts'
import { pinnedKey, pinnedSpki } from '../../verifier/index.ts'
import { outputFile, UsageError, whole } from '../lib/options.ts'
import { walkedChain } from './chain-steps.ts'
import type { Command, Options } from './command.ts'
import { changesBetween, describeRoot, rootFacts } from './describe-root.ts'
import { assertDraft, type Draft, draftOf, rootIn, signersNeeded } from './draft.ts'
import { onlineFile, readChain, readJson, readPublicKey, writeJson } from './files.ts'
import { type Paint, short, wrap } from './paint.ts'

const YEAR_MS = 365 * 86_400_000

export const draftRoot: Command = {
  help: `Usage: npx edgeloop keys root --first --root-key KEY.pub.pem … --threshold N --online online.json
       npx edgeloop keys root --from chain.json [changes] [--out draft.json]

Writes a draft that holders of root keys sign with \`keys sign\`. What is not given stays as it is in the last link.

  --first                 version 1: what devices are made with
  --from CHAIN            the chain that the new link goes behind
  --root-key FILE         root keys from now on (repeat; replaces the list)
  --threshold N           how many root keys must sign
  --online FILE           model and deployment keys from now on: all in a file of \`keys fetch\`
  --model-key FILE        model keys from now on (repeat; replaces the list)
  --deployment-key FILE   deployment keys from now on (repeat; replaces the list)
  --drop ID               takes a key out, by the first digits of its id (repeat)
  --new-epoch             voids all that the online keys have signed so far: a deployment key was stolen
  --keep-epoch            a deployment key is taken out as planned; what it signed stays valid until it is replaced
  --revoke-bundle SHA256  a bundle that may not run any more (repeat)
  --minimum-release M=N   no release of model M under version N may run any more (repeat)
  --years N               until it expires (default 2)
  --out FILE              where the draft goes (default draft.json)
`,
  examples: [
    '--first --threshold 2 --online online.json --root-key alice.pub.pem --root-key bob.pub.pem',
    '--from chain.json --online online.json',
  ],
  options: {
    first: { type: 'boolean' },
    from: { type: 'string', takes: 'file' },
    'root-key': { type: 'string', multiple: true, takes: 'file' },
    threshold: { type: 'string' },
    online: { type: 'string', takes: 'file' },
    'model-key': { type: 'string', multiple: true, takes: 'file' },
    'deployment-key': { type: 'string', multiple: true, takes: 'file' },
    drop: { type: 'string', multiple: true },
    'new-epoch': { type: 'boolean' },
    'keep-epoch': { type: 'boolean' },
    'revoke-bundle': { type: 'string', multiple: true },
    'minimum-release': { type: 'string', multiple: true },
    years: { type: 'string' },
    out: { type: 'string', takes: 'file' },
  },
  async run(options, { paint }) {
    const out = options.string('out') ?? 'draft.json'
    outputFile('out', out)
    const previous = previousLink(options)
    const before = previous === null ? undefined : rootIn(previous)
    const next = drafted(before, changesOf(options, before, new Date()))
    const draft = draftOf(previous, unsignedRoot(next))
    // What the verifier limits, such as the number of keys, shows now and not after a ceremony.
    assertDraft(draft, 'this root')
    writeJson(out, draft)
    const signers = signersNeeded(draft)
    return {
      exit: 0,
      text: [
        describeRoot(next, paint, Date.now()),
        '',
        changeLines(draft, paint),
        '',
        `Draft written to ${out}. It needs:`,
        ...signers.map(
          s => `  ${s.need} of the root keys of version ${s.version}: ${s.keyids.map(short).join('  ')}`,
        ),
        paint.dim(`Next: npx edgeloop keys sign --draft ${out} --key HOLDER.pem`),
      ].join('\n'),
      data: {
        file: out,
        root: rootFacts(next, Date.now()),
        changes: changesBetween(before, next),
        signers,
      },
    }
  },
}

function drafted(before: TrustRoot | undefined, changes: RootChanges): TrustRoot {
  try {
    return nextRoot(before, changes)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    const option = OPTION_OF[error.field?.split('.')[0] ?? '']
    throw new UsageError(option === undefined ? error.message : `${option}: ${error.message}`)
  }
}

/** Field of a trust root → the option that sets it. */
const OPTION_OF: Readonly<Record<string, string>> = {
  root: '--root-key',
  model: '--model-key or --online',
  deployment: '--deployment-key or --online',
  keys: '--root-key, --model-key, --deployment-key',
  threshold: '--threshold',
  epoch: '--new-epoch or --keep-epoch',
  expires: '--years',
  minimumRelease: '--minimum-release',
}

function previousLink(options: Options): DsseEnvelope | null {
  const from = options.string('from')
  if ((from !== undefined) === options.flag('first'))
    throw new UsageError('give either --first, or --from with the chain that the new link goes behind')
  if (from === undefined) return null
  const chain = readChain('--from', from)
  walkedChain(chain)
  const last = chain.at(-1) as Uint8Array
  return JSON.parse(Buffer.from(last).toString('utf8')) as DsseEnvelope
}

function changesOf(options: Options, before: TrustRoot | undefined, issued: Date): RootChanges {
  const years = whole('years', options.string('years'), 2, 1, 20)
  const keys = keysOf(options, before)
  const threshold = options.string('threshold')
  if (threshold === undefined && before === undefined)
    throw new UsageError('--threshold is needed with --first: how many root keys must sign, such as 2 of 3')
  if (options.flag('new-epoch') && options.flag('keep-epoch'))
    throw new UsageError('--new-epoch and --keep-epoch exclude each other')
  const epoch = options.flag('new-epoch') ? 'new' : options.flag('keep-epoch') ? 'keep' : undefined
  const revokeBundles = options.strings('revoke-bundle')
  const odd = revokeBundles.find(digest => !/^[0-9a-f]{64}$/.test(digest))
  if (odd !== undefined) throw new UsageError(`--revoke-bundle: "${odd}" must be 64 lower-case hex digits`)
  return {
    issued,
    expires: new Date(issued.getTime() + years * YEAR_MS),
    ...keys,
    ...(threshold === undefined ? {} : { threshold: whole('threshold', threshold, 1, 1, 16) }),
    ...(epoch === undefined ? {} : { epoch }),
    revokeBundles,
    minimumRelease: Object.fromEntries(options.strings('minimum-release').map(readMinimum)),
  }
}

function readMinimum(text: string): readonly [string, number] {
  const [, model, version] = /^([a-z0-9](?:-?[a-z0-9])*)=([1-9]\d{0,5})$/.exec(text) ?? []
  if (model === undefined)
    throw new UsageError(`--minimum-release: "${text}" must be MODEL=VERSION, such as cold-chain=3`)
  return [model, Number(version)]
}

type KeyChanges = Pick<RootChanges, 'rootKeys' | 'modelKeys' | 'deploymentKeys'>

function keysOf(options: Options, before: TrustRoot | undefined): KeyChanges {
  const file = options.string('online')
  const online = file === undefined ? undefined : readJson('--online', file, onlineFile).keys
  const drops = options.strings('drop').map(prefix => dropped(prefix, before))
  const of = (role: RootRole): readonly PinnedKey[] | undefined => {
    const given = options.strings(`${role}-key`)
    if (given.length > 0) return given.map(path => readPublicKey(`--${role}-key`, path))
    const fetched = role === 'root' ? undefined : online?.filter(k => k.role === role)
    if (fetched !== undefined) return fetched.map(k => pinnedKey(k.pem, `--online: ${role} key ${k.slot}`))
    return undefined
  }
  const result = (role: RootRole): readonly PinnedKey[] | undefined => {
    const found = of(role)
    const kept = found ?? before?.roles[role].keyids.map(id => keyIn(before, id))
    return drops.length === 0 ? found : kept?.filter(k => !drops.includes(k.hint))
  }
  const [rootKeys, modelKeys, deploymentKeys] = [result('root'), result('model'), result('deployment')]
  return {
    ...(rootKeys === undefined ? {} : { rootKeys }),
    ...(modelKeys === undefined ? {} : { modelKeys }),
    ...(deploymentKeys === undefined ? {} : { deploymentKeys }),
  }
}

const keyIn = ({ keys }: TrustRoot, id: string): PinnedKey =>
  pinnedSpki(Buffer.from(keys[id] ?? '', 'base64'), id)

function dropped(prefix: string, before: TrustRoot | undefined): string {
  if (!/^[0-9a-f]{8,64}$/.test(prefix))
    throw new UsageError(`--drop: "${prefix}" must be the first 8 or more hex digits of a key's id`)
  const found = Object.keys(before?.keys ?? {}).filter(id => id.startsWith(prefix))
  const [only] = found
  if (only === undefined || found.length > 1)
    throw new UsageError(
      `--drop: ${found.length} keys of the last link begin with ${prefix}; npx edgeloop keys show lists them`,
    )
  return only
}

export function changeLines(draft: Draft, paint: Paint): string {
  const changes = changesBetween(
    draft.previous === null ? undefined : rootIn(draft.previous),
    rootIn(draft.link),
  )
  return [
    draft.previous === null ? 'What it does:' : `Against version ${rootIn(draft.previous).version}:`,
    ...changes.flatMap(({ text, warning }) => [
      `  • ${wrap(text, '    ')}`,
      ...(warning === undefined ? [] : [`    ${paint.warn('!')} ${wrap(warning, '      ')}`]),
    ]),
  ].join('\n')
}
