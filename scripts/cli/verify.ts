import { UsageError } from '../lib/options.ts'
import type { Command } from './command.ts'
import { gather } from './package-source.ts'
import { walkPackage } from './package-steps.ts'
import { type Paint, wrap } from './paint.ts'
import { STACK_HELP, stackOptions } from './stack.ts'
import type { Step } from './steps.ts'

export const verify: Command = {
  help: `Usage: npx edgeloop verify PACKAGE.tar --bundle BUNDLE.json --trust chain.json [--manifest M --beacon B --fleet F]
       npx edgeloop verify MODEL@VERSION[-HARDWARE] [--stage dev]
       npx edgeloop verify SHA256-OF-A-BUNDLE [--stage dev]

Every line says what a step proves, or with which code a device would refuse. Exits with 1 at the first broken link. With
files only it works offline; what is not given comes from the stack (dynamodb:GetItem on the state table, s3:GetObject on
blobs/ of the artefact bucket, iot:GetRetainedMessage on edgeloop/v1/*).

  --bundle FILE    the package's OpenSSF Model Signing bundle
  --trust FILE     the chain of trust roots; its first link is taken as what devices are made with
  --pin SHA256     digest of the root that devices are really made with, or its first 8 or more digits
  --manifest FILE  the fleet's manifest: must name the package
  --beacon FILE    the fleet's freshness beacon; without it a device takes no manifest
  --fleet FLEET    the fleet of both
  --hardware H     the device's hardware
  --thing NAME     says which release this device is to run
${STACK_HELP}`,
  positionals: [{ name: 'PACKAGE', takes: 'file' }],
  examples: ['cold-chain@2', 'package.tar --bundle bundle.json --trust chain.json'],
  options: {
    ...stackOptions,
    bundle: { type: 'string', takes: 'file' },
    trust: { type: 'string', takes: 'file' },
    pin: { type: 'string' },
    manifest: { type: 'string', takes: 'file' },
    beacon: { type: 'string', takes: 'file' },
    fleet: { type: 'string' },
    hardware: { type: 'string' },
    thing: { type: 'string' },
  },
  async run(options, { paint }) {
    const pin = options.string('pin')
    if (pin !== undefined && !/^[0-9a-f]{8,64}$/.test(pin))
      throw new UsageError('--pin must be 8 to 64 lower-case hex digits')
    for (const name of ['manifest', 'beacon'])
      if (options.string(name) !== undefined && options.string('fleet') === undefined)
        throw new UsageError(`--fleet is needed with --${name}: each is for one fleet`)
    const parts = await gather(options)
    const [hardware, thing] = [options.string('hardware'), options.string('thing')]
    const { steps, broken, release } = walkPackage(
      parts,
      {
        ...(hardware === undefined ? {} : { hardware }),
        ...(thing === undefined ? {} : { thing }),
        ...(pin === undefined ? {} : { pin }),
        mustBeNamed: options.string('manifest') !== undefined,
      },
      Date.now(),
    )
    const verdict = judge(parts.target, steps, broken, paint)
    return {
      exit: broken === undefined ? 0 : 1,
      text: `${steps.map(step => stepLine(step, paint)).join('\n')}\n\n${verdict}`,
      data: {
        target: parts.target,
        holds: broken === undefined,
        broken: broken ?? null,
        steps,
        release: release ?? null,
      },
    }
  },
}

function judge(target: string, steps: readonly Step[], broken: Step | undefined, paint: Paint): string {
  if (broken !== undefined) return paint.bad(`${target}: broken at ${broken.name} (${broken.code}).`)
  const open = steps.filter(step => step.outcome === 'note').map(step => step.name)
  return open.length === 0
    ? paint.good(`${target}: the whole chain holds.`)
    : `${paint.good(`${target}: what was checked holds.`)} Not checked: ${open.join(', ')}.`
}

const INDENT = 17
function stepLine({ name, outcome, text, code }: Step, paint: Paint): string {
  const label = name.padEnd(INDENT - 3)
  const body = (said: string) => wrap(said, ' '.repeat(INDENT))
  switch (outcome) {
    case 'holds':
      return `${paint.good('✓')} ${label} ${body(text)}`
    case 'broken':
      return `${paint.bad('✗')} ${label} ${body(`${code}: ${text}`)}`
    case 'note':
      return `${paint.warn('–')} ${label} ${body(text)}`
    case 'unchecked':
      return paint.dim(`· ${label} ${text}`)
  }
}
