import { UsageError } from '../lib/options.ts'
import { assertNoRootKey, makeRootKey, type RootKeyFiles } from '../lib/root-keys.ts'
import type { Command } from './command.ts'
import { readPassphrase } from './files.ts'
import { short, wrap } from './paint.ts'

const NAME = /^[a-z0-9][a-z0-9-]{0,29}$/

export const newRoot: Command = {
  help: `Usage: npx edgeloop keys new-root --names alice[,bob,…] [--dir keys] [--passphrase-file FILE]

Makes one P-256 key per name: NAME.pem (private, PKCS#8, mode 0600) and NAME.pub.pem. Each holder should do this on a
machine of their own, and hand out NAME.pub.pem only.

  --names NAMES           whose keys; lower-case letters, digits and hyphens
  --dir DIR               folder for the keys (default keys)
  --passphrase-file FILE  encrypts the private keys; the passphrase is the first line
`,
  examples: ['--names alice --dir keys --passphrase-file passphrase.txt'],
  options: {
    dir: { type: 'string', takes: 'dir' },
    names: { type: 'string' },
    'passphrase-file': { type: 'string', takes: 'file' },
  },
  async run(options, { paint }) {
    const names = options.required('names').split(',')
    const odd = names.find(name => !NAME.test(name))
    if (odd !== undefined)
      throw new UsageError(
        `--names: "${odd}" must be lower-case letters, digits and hyphens, at most 30; separate names by commas`,
      )
    if (new Set(names).size !== names.length) throw new UsageError('--names: a name is there twice')
    const passphrase = readPassphrase(options.string('passphrase-file'))
    const dir = options.string('dir') ?? 'keys'
    const keys = makeAll(dir, names, passphrase)
    const width = Math.max(...names.map(n => n.length))
    const lines = keys.map(
      key => `${paint.good('✓')} ${key.name.padEnd(width)}  ${short(key.keyid)}  ${key.file}`,
    )
    const warnings = [
      ...(passphrase === undefined
        ? ['The private keys are not encrypted: whoever reads a file has the key. Give --passphrase-file.']
        : []),
      ...(keys.length > 1
        ? ['All these keys are on one machine now. For production, let every holder make one alone.']
        : []),
    ]
    lines.push(...warnings.map(w => `${paint.warn('!')} ${wrap(w, '  ')}`))
    return {
      exit: 0,
      text: lines.join('\n'),
      data: { keys, encrypted: passphrase !== undefined, warnings },
    }
  },
}

/** All or none: nobody is left with half a set. */
function makeAll(dir: string, names: readonly string[], passphrase: string | undefined): RootKeyFiles[] {
  try {
    for (const name of names) assertNoRootKey(dir, name)
    return names.map(name => makeRootKey(dir, name, passphrase))
  } catch (error) {
    throw new UsageError(`--dir: ${(error as Error).message}`)
  }
}
