import { createHash } from 'node:crypto'
import type { DsseEnvelope } from '../../src/contracts/manifest.ts'
import { UsageError } from '../lib/options.ts'
import { type RootKey, readRootKey, signRoot } from '../lib/root-keys.ts'
import type { Command } from './command.ts'
import { describeRoot } from './describe-root.ts'
import { type Draft, missingLines, missingSigners, readDraft, rootIn, signersNeeded } from './draft.ts'
import { readChain, readPassphrase, writeJson } from './files.ts'
import { changeLines } from './keys-root.ts'
import { short } from './paint.ts'

export const signDraft: Command = {
  help: `Usage: npx edgeloop keys sign --draft draft.json --key alice.pem [--chain chain.json] [--passphrase-file FILE] [--yes]

Shows what the draft says and changes, asks, and adds one signature to the file. Works offline. Read the digest out to the
other holders: all must see the same one. What changes is told against the link that the draft itself names: give your own
copy of the chain, so that nobody can name another.

  --draft FILE            the draft; the signature is added to it
  --key FILE              a root key
  --chain FILE            your own copy of the chain; the draft must go behind its last link
  --passphrase-file FILE  for an encrypted key; the passphrase is the first line
  --yes                   does not ask
`,
  examples: ['--draft draft.json --key alice.pem --chain chain.json'],
  options: {
    draft: { type: 'string', takes: 'file' },
    key: { type: 'string', takes: 'file' },
    chain: { type: 'string', takes: 'file' },
    'passphrase-file': { type: 'string', takes: 'file' },
    yes: { type: 'boolean' },
  },
  async run(options, { paint, interactive, ask, note }) {
    const file = options.required('draft')
    const draft = readDraft('--draft', file)
    const key = readKey(options.required('key'), options.string('passphrase-file'))
    assertBehind(draft, file, options.string('chain'))
    assertSigner(draft, key)
    const signed = { ...draft, link: signRoot(draft.link, key) }
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

function assertSigner(draft: Draft, { hint }: RootKey): void {
  if (signersNeeded(draft).some(({ keyids }) => keyids.includes(hint))) return
  const known = [...new Set(signersNeeded(draft).flatMap(s => s.keyids))].map(short).join(', ')
  throw new UsageError(
    `--key: ${short(hint)} is no root key of this draft or of the link before it; they are ${known}`,
  )
}

function assertBehind({ previous }: Draft, file: string, chain: string | undefined): void {
  if (chain === undefined) return
  const last = JSON.parse(Buffer.from(readChain('--chain', chain).at(-1) ?? []).toString()) as DsseEnvelope
  if (last.payload === previous?.payload) return
  const behind = previous === null ? 'is a first root' : `goes behind a version ${rootIn(previous).version}`
  throw new UsageError(
    `--draft: ${file} ${behind}, which is not the last link of ${chain}; find out who made it before you sign`,
  )
}
