import { existsSync } from 'node:fs'
import type { DsseEnvelope } from '../../src/contracts/manifest.ts'
import {
  initialState,
  MAX_DOCUMENT_BYTES,
  Refusal,
  readRoot,
  rootOf,
  walkChain,
} from '../../verifier/index.ts'
import { checkRootAge } from '../../verifier/root.ts'
import { outputFile, UsageError } from '../lib/options.ts'
import { chainBytes, untilRetained, uploadChain } from '../lib/publish-chain.ts'
import { iotDataClient, s3Client } from '../lib/stack.ts'
import type { Command } from './command.ts'
import { describeRoot, rootFacts } from './describe-root.ts'
import { type Draft, joinDrafts, missingLines, missingSigners, rootIn } from './draft.ts'
import { readChain, writeWhole } from './files.ts'
import { openStack, reach, STACK_HELP, stackOptions } from './stack.ts'

export const publishDraft: Command = {
  help: `Usage: npx edgeloop keys publish --draft draft.json [--draft bob.json …] --chain chain.json [--no-upload]

When enough holders have signed, walks the chain as a device would, writes it, drops it into the drop bucket as
trust/chain.json, and waits until devices can get it. Safe to repeat. Needs s3:PutObject on trust/chain.json and
iot:GetRetainedMessage on edgeloop/v1/trust.

  --draft FILE    the signed draft; several copies of one draft, signed in different places, are put together
  --chain FILE    the chain that it goes behind; made for version 1
  --no-upload     writes the file and stops
${STACK_HELP}`,
  examples: ['--stage prod --draft draft.json --chain chain.json'],
  options: {
    ...stackOptions,
    draft: { type: 'string', multiple: true, takes: 'file' },
    chain: { type: 'string', takes: 'file' },
    'no-upload': { type: 'boolean' },
  },
  async run(options, { paint, note }) {
    const file = options.required('chain')
    outputFile('chain', file)
    const draft = joinDrafts(options.strings('draft'))
    const missing = missingSigners(draft)
    if (missing.length > 0)
      return {
        exit: 1,
        text: [
          paint.bad('✗ not signed by enough holders yet'),
          ...missingLines(draft, options.strings('draft')[0] ?? '', paint),
        ].join('\n'),
        data: { published: false, missing },
      }
    const chain = extended(file, draft)
    const bytes = chainBytes(chain)
    if (bytes.byteLength > MAX_DOCUMENT_BYTES)
      throw new UsageError(
        `--chain: ${file}: would have ${bytes.byteLength} bytes, and a message carries ${MAX_DOCUMENT_BYTES}`,
      )
    const walked = walk(chain)
    writeWhole(file, bytes)
    note(
      `${paint.good('✓')} the chain holds, ${chain.length} link${chain.length === 1 ? '' : 's'}; written to ${file}`,
    )
    const data = { file, root: rootFacts(walked, Date.now()), published: false }
    if (options.flag('no-upload')) return { exit: 0, text: describeRoot(walked, paint, Date.now()), data }
    const { config, names } = await openStack(options)
    await reach('S3', () => uploadChain(s3Client(config), names.dropBucket, bytes))
    note(`${paint.good('✓')} dropped into s3://${names.dropBucket}/trust/chain.json`)
    await reach('IoT', () => untilRetained(iotDataClient(config), chain))
    return {
      exit: 0,
      text: `${paint.good('✓')} trust root ${walked.version} is out\n\n${describeRoot(walked, paint, Date.now())}`,
      data: { ...data, published: true },
    }
  },
}

/** The chain with the draft behind it; as it is when the draft is in it already, after a publish that was cut off. */
function extended(file: string, { previous, link }: Draft): DsseEnvelope[] {
  const known = existsSync(file)
    ? readChain('--chain', file).map(b => JSON.parse(Buffer.from(b).toString('utf8')) as DsseEnvelope)
    : []
  const last = known.at(-1)
  if (last?.payload === link.payload) return known
  if (last?.payload === previous?.payload) return [...known, link]
  const ends = last === undefined ? 'is not there' : `ends with version ${rootIn(last).version}`
  const wanted =
    previous === null
      ? 'is a first one; name a new file'
      : `goes behind version ${rootIn(previous).version}; draft again with keys root --from ${file}`
  throw new UsageError(`--chain: ${file} ${ends}, and the draft ${wanted}`)
}

/** @throws Refusal as a device would */
function walk(chain: readonly DsseEnvelope[]) {
  const links = chain.map(link => Buffer.from(JSON.stringify(link)))
  const [first] = links
  if (first === undefined) throw new Refusal('ROOT_MALFORMED', 'trust chain: is empty')
  const root = rootOf(walkChain(initialState(readRoot(first)), links))
  checkRootAge(root, Date.now())
  return root.value
}
