import { outputFile, UsageError } from '../lib/options.ts'
import { chainSteps } from './chain-steps.ts'
import type { Command } from './command.ts'
import { daysLeft, describeRoot, rootFacts, WARN_DAYS } from './describe-root.ts'
import { readChain, writeWhole } from './files.ts'
import { wrap } from './paint.ts'

export const showChain: Command = {
  help: `Usage: npx edgeloop keys show chain.json [--out root.json]

Walks the chain link by link and says who may sign what after the last one. Works offline. Exits with 1 when a link is
broken or the last one has expired.

  --out FILE      writes the last link alone: what new devices are made with
`,
  examples: ['chain.json --out root.json'],
  options: { out: { type: 'string', takes: 'file' } },
  positionals: [{ name: 'CHAIN', takes: 'file' }],
  async run(options, { paint }) {
    const [file, ...more] = options.positionals
    if (file === undefined || more.length > 0)
      throw new UsageError('name one file with a chain, such as chain.json')
    const out = options.string('out')
    if (out !== undefined) outputFile('out', out)
    const chain = readChain('chain.json', file)
    const { steps, roots, digests } = chainSteps(chain)
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
          `${paint.warn('!')} ${wrap(
            `${left < 0 ? 'It has expired and devices refuse everything new' : `It expires in ${left} days`}: draft the next one with keys root --from ${file}`,
            '  ',
          )}`,
        )
      if (out !== undefined) {
        writeWhole(out, chain.at(-1) as Uint8Array)
        lines.push(`Written to ${out}; make new devices with it.`)
      }
    }
    return {
      exit: broken === undefined && left >= 0 ? 0 : 1,
      text: lines.join('\n'),
      data: {
        /** SHA-256 of what was signed, by version: what holders read out, and what verify --pin takes. */
        digests,
        root: root === undefined ? null : rootFacts(root, now),
        broken: broken?.refusal
          ? { link: broken.name, code: broken.refusal.code, message: broken.refusal.message }
          : null,
      },
    }
  },
}
