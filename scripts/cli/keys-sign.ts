import { createHash } from 'node:crypto'
import { Refusal, readRoot } from '../../verifier/index.ts'
import { UsageError } from '../lib/options.ts'
import { type RootKey, readRootKey, signRoot } from '../lib/root-keys.ts'
import type { Command } from './command.ts'
import { describeRoot, rootIn } from './describe-root.ts'
import { type Draft, readDraft, readPassphrase, writeJson } from './files.ts'
import { changeLines, signersNeeded } from './keys-root.ts'
import { type Paint, short } from './paint.ts'

export const signDraft: Command = {
  help: `Usage: npx edgeloop keys sign --draft draft.json --key alice.pem [--passphrase-file FILE] [--yes]

Shows what the draft says and changes, asks, and adds one signature to the file. Works offline. Read the digest out to the
other holders: all must see the same one.

  --draft FILE            the draft; the signature is added to it
  --key FILE              a root key
  --passphrase-file FILE  for an encrypted key; the passphrase is the first line
  --yes                   does not ask
`,
  options: {
    draft: { type: 'string' },
    key: { type: 'string' },
    'passphrase-file': { type: 'string' },
    yes: { type: 'boolean' },
  },
  async run(options, { paint, interactive, ask, note }) {
    const file = options.required('draft')
    const draft = readDraft('--draft', file)
    const key = readKey(options.required('key'), options.string('passphrase-file'))
    const signed = { ...draft, link: signRoot(draft.link, key) }
    assertReadable(signed, file)
    assertSigner(signed, key)
    const digest = createHash('sha256').update(Buffer.from(draft.link.payload, 'base64')).digest('hex')
    if (!options.flag('yes')) {
      if (!interactive)
        throw new UsageError(
          'nobody is here to confirm; read the draft and give --yes to sign without asking',
        )
      note(describeRoot(rootIn(draft.link), paint, Date.now()))
      note(`\n${changeLines(draft, paint)}\n`)
      note(`Digest of what is signed: ${paint.bold(digest.match(/.{8}/g)?.join(' ') ?? '')}`)
      const answer = await ask(`Sign it with key ${short(key.hint)}? Type yes to sign: `)
      if (answer.trim() !== 'yes')
        return { exit: 1, text: 'Not signed.', data: { signed: false, keyid: key.hint, digest } }
    }
    writeJson(file, signed)
    const missing = missingSigners(signed)
    return {
      exit: 0,
      text: [
        `${paint.good('✓')} signed by ${short(key.hint)}, in ${file}`,
        ...missingLines(signed, file, paint),
      ].join('\n'),
      data: { signed: true, keyid: key.hint, digest, missing },
    }
  },
}

function readKey(file: string, passphraseFile: string | undefined): RootKey {
  const passphrase = readPassphrase(passphraseFile)
  try {
    return readRootKey(file, passphrase)
  } catch (error) {
    if (error instanceof UsageError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw new UsageError(`--key: ${code === 'ENOENT' ? `${file}: there is no such file` : message}`)
  }
}

/** A draft may lack signatures and nothing else. @throws UsageError */
export function assertReadable({ link }: Pick<Draft, 'link'>, file: string): void {
  try {
    readRoot(Buffer.from(JSON.stringify(link)))
  } catch (error) {
    if (error instanceof Refusal && error.code === 'ROOT_SIGNATURE') return
    throw new UsageError(`--draft: ${file}: is no trust root: ${(error as Error).message}`)
  }
}

function assertSigner(draft: Draft, { hint }: RootKey): void {
  if (signersNeeded(draft).some(({ keyids }) => keyids.includes(hint))) return
  const known = [...new Set(signersNeeded(draft).flatMap(s => s.keyids))].map(short).join(', ')
  throw new UsageError(
    `--key: ${short(hint)} is no root key of this draft or of the link before it; they are ${known}`,
  )
}

/** What is still needed, by the root whose keys are meant. */
export const missingSigners = (draft: Pick<Draft, 'previous' | 'link'>) =>
  signersNeeded(draft).flatMap(({ version, need, keyids }) => {
    const signed = keyids.filter(id => draft.link.signatures.some(s => s.keyid === id))
    return signed.length >= need
      ? []
      : [{ version, need, signed: signed.length, candidates: keyids.filter(id => !signed.includes(id)) }]
  })

export function missingLines(draft: Draft, file: string, paint: Paint): string[] {
  const missing = missingSigners(draft)
  if (missing.length === 0)
    return [
      'All signatures are there.',
      paint.dim(`Next: npx edgeloop keys publish --draft ${file} --chain chain.json`),
    ]
  return missing.map(
    ({ version, need, signed, candidates }) =>
      `  version ${version} has ${signed} of ${need} signatures; missing ${need - signed} of ${candidates.map(short).join('  ')}`,
  )
}
