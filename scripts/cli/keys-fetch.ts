import { fetchOnlineKeys, type OnlineKey } from '../lib/online-keys.ts'
import { outputFile } from '../lib/options.ts'
import { kmsClient } from '../lib/stack.ts'
import type { Command } from './command.ts'
import { writeJson } from './files.ts'
import { type Paint, short } from './paint.ts'
import { openStack, reach, STACK_HELP, stackOptions } from './stack.ts'

export const fetchKeys: Command = {
  help: `Usage: npx edgeloop keys fetch [--out online.json] [--stage dev]

Reads the public half of every KMS key of the stack: the model key and the deployment key, each with up to two slots, of
which one signs. Take the file to where the next trust root is drafted. Needs kms:GetPublicKey.

  --out FILE      where they go (default online.json)
${STACK_HELP}`,
  examples: ['--stage prod --out online.json'],
  options: { ...stackOptions, out: { type: 'string', takes: 'file' } },
  async run(options, { paint }) {
    const out = options.string('out') ?? 'online.json'
    outputFile('out', out)
    const { config, names, stage } = await openStack(options)
    const keys = await reach('KMS', () => fetchOnlineKeys(kmsClient(config), names.alias))
    writeJson(out, { v: 1, stack: `edgeloop-${stage}`, keys })
    return {
      exit: 0,
      text: `${keys.map(key => onlineLine(key, paint)).join('\n')}\nWritten to ${out}`,
      data: { file: out, keys },
    }
  },
}

export const onlineLine = ({ role, slot, keyid, signs }: OnlineKey, paint: Paint): string =>
  `  ${role.padEnd(11)}${slot}  ${short(keyid)}  ${signs ? paint.good('signs') : paint.dim('waits')}`
