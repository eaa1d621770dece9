import { createHash } from 'node:crypto'
import { outputFile, UsageError } from '../lib/options.ts'
import { chainSteps } from './chain-steps.ts'
import type { Command } from './command.ts'
import { daysLeft, describeRoot, rootFacts, WARN_DAYS } from './describe-root.ts'
import { readChain, writeWhole } from './files.ts'
import { wrap } from './paint.ts'

export const showChain: Command = {
  help: `Usage: npx edgeloop keys show chain.json [--pin root.json]

Walks the chain link by link and says who may sign what after the last one. Works offline.

  --pin FILE      writes the last link alone: what new devices are made with
`,
  options: { pin: { type: 'string' } },
  positionals: true,
  async run(options, { paint }) {
    const [file, ...more] = options.positionals
    if (file === undefined || more.length > 0) throw new UsageError('name one file with a chain')
    const pin = options.string('pin')
    if (pin !== undefined) outputFile('pin', pin)
    const chain = readChain('chain', file)
    const { steps, roots } = chainSteps(chain)
    const lines = steps.map(({ name, proves, refusal }) =>
      refusal === undefined
        ? `${paint.good('✓')} ${name.padEnd(14)} ${wrap(proves ?? '', ' '.repeat(17))}`
        : `${paint.bad('✗')} ${name.padEnd(14)} ${wrap(`${refusal.code}: ${refusal.message}`, ' '.repeat(17))}`,
    )
    const broken = steps.find(s => s.refusal !== undefined)
    const root = roots.at(-1)
    const now = Date.now()
    const left = root === undefined ? 0 : daysLeft(root, now)
    if (root !== undefined && broken === undefined) {
      lines.push('', describeRoot(root, paint, now))
      if (left < WARN_DAYS)
        lines.push(
          wrap(
            `${paint.warn('!')} ${left < 0 ? 'It has expired and devices refuse everything new' : `It expires in ${left} days`}: draft the next one with keys root --from ${file}`,
            '  ',
          ),
        )
      if (pin !== undefined) {
        writeWhole(pin, chain.at(-1) as Uint8Array)
        lines.push(`Written to ${pin}; make new devices with it.`)
      }
    }
    return {
      exit: broken === undefined && left >= 0 ? 0 : 1,
      text: lines.join('\n'),
      data: {
        links: chain.map(link => createHash('sha256').update(link).digest('hex')),
        root: root === undefined ? null : rootFacts(root, now),
        broken: broken?.refusal
          ? { link: broken.name, code: broken.refusal.code, message: broken.refusal.message }
          : null,
      },
    }
  },
}
