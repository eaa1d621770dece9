/** `npx edgeloop erase`: takes a device's samples, or one, out of everything that holds rows of them. */
import { fieldSample } from '../../src/contracts/mqtt.ts'
import { modelName, thingName } from '../../src/contracts/names.ts'
import { type ErasingRow, keys } from '../../src/domain/entities.ts'
import type { Erase } from '../../src/domain/lineage/erasure.ts'
import { type Asked, digestOfWhat, erase, isSame, look, unfinished } from '../lib/erase/erase.ts'
import { type Found, isEmpty } from '../lib/erase/walk.ts'
import { UsageError } from '../lib/options.ts'
import type { Command, Io, Options, Outcome } from './command.ts'
import { erasePorts, type OpenPorts } from './erase-stack.ts'
import { type Paint, short, wrap } from './paint.ts'
import { openStack, STACK_HELP, stackOptions } from './stack.ts'
import { plain } from './text.ts'

const MAX_REASON = 500

export const eraseCommand: Command = {
  help: `Usage: npx edgeloop erase MODEL (--device THING | --sample EVENTID) --reason "…" [options]

Erases field samples of a model for good: their rows in quarantine with their labels, their values in admitted objects and in
the channels of training sets, their lines in label requests, and every version of these objects. Lineage goes on to verify,
and says what was erased, when and why. Shows what it found and asks. Safe to repeat: a second run finishes what a first one
left. What it cannot erase: docs/lineage.md, "Erasing".

  --device THING    all samples of this device up to now
  --sample EVENTID  one sample
  --reason TEXT     is kept for good: words that name nobody
  --dry-run         shows what it would do, and stops
  --yes             does not ask; needed where nobody can answer
${STACK_HELP}
Needs, on the state table, dynamodb:GetItem, Query, UpdateItem, DeleteItem; on the quarantine table the same; on the artefact
bucket s3:ListBucketVersions, GetObjectVersion, GetObject, PutObject, DeleteObjectVersion under field/, training/ and
label-requests/; on the drop bucket s3:ListBucketVersions, and GetObjectVersion under labels/. No function has these rights.

Exit status: 0 nothing of it is left; 1 something has to wait, as is said, or another erasure has not ended; 2 wrong usage;
3 the cloud could not be reached.
`,
  examples: ['cold-chain --device containers-0007 --reason "the owner asked" --dry-run'],
  options: {
    ...stackOptions,
    ...{ device: { type: 'string' }, sample: { type: 'string' }, reason: { type: 'string' } },
    ...{ 'dry-run': { type: 'boolean' }, yes: { type: 'boolean' } },
  },
  positionals: [{ name: 'MODEL' }],
  async run(options, io) {
    const [model, what, reason] = [modelIn(options), whatIn(options), reasonIn(options)]
    const [dry, yes] = [options.flag('dry-run'), options.flag('yes')]
    if (!dry && !yes && !io.interactive)
      throw new UsageError('--yes is needed where nobody can answer; --dry-run shows what would be done')
    const stack = await openStack(options)
    const ports = erasePorts(stack)
    try {
      const asked = { model, what, reason, by: stack.caller, now: new Date(), note: io.note }
      return await carryOut(ports, asked, { dry, yes }, io)
    } finally {
      ports.close()
    }
  },
}

async function carryOut(
  ports: OpenPorts,
  asked: Asked,
  { dry, yes }: { readonly dry: boolean; readonly yes: boolean },
  { paint, note, ask }: Io,
): Promise<Outcome> {
  const { model, what } = asked
  if ((await ports.store.get(keys.model(model))) === undefined)
    throw new UsageError(`the stack knows no model "${model}"`)
  const begun = await unfinished(ports, model)
  if (begun !== undefined && !isSame(begun.what, what)) throw new Error(inTheWay(model, begun))
  const found = await look(ports, asked)
  if (isEmpty(found) && begun === undefined)
    return outcome(0, 'nothing', found, asked, [
      `${paint.good('✓')} nothing of it is left in ${model}`,
      ...labelLines(found),
    ])
  const plan = [...describe(found, 'will be erased', paint), ...labelLines(found)]
  if (dry) return outcome(0, 'dry-run', found, asked, plan)
  for (const line of plan) note(line)
  if (begun !== undefined)
    note(`goes on with what began ${begun.erasedAt} for the reason "${plain(begun.reason)}"`)
  if (!yes && (await ask('It cannot be taken back. Type yes to erase: ')).trim() !== 'yes')
    return outcome(1, 'declined', found, asked, ['Nothing was erased.'])
  const gone = await erase(ports, asked)
  const waiting = gone.trainingSets.flatMap(t => t.training ?? [])
  return outcome(waiting.length > 0 ? 1 : 0, waiting.length > 0 ? 'waiting' : 'erased', gone, asked, [
    ...describe(gone, 'erased', paint),
    ...labelLines(gone),
    ...waiting.map(version => {
      const text = `${model}@${version} is training with some of it. Its model is made all the same; run this again when it has ended`
      return `${paint.warn('!')} ${wrap(text, '  ')}`
    }),
    wrap(
      'Functions that were at work may have written some of it anew: run it once more in 15 minutes. Models that were trained on it are not untrained; see docs/runbooks/erase.md.',
      '',
    ),
  ])
}

function outcome(
  exit: Outcome['exit'],
  result: 'nothing' | 'dry-run' | 'declined' | 'erased' | 'waiting',
  found: Found,
  { model, what }: Asked,
  lines: readonly string[],
): Outcome {
  return { exit, text: lines.join('\n'), data: { result, model, subject: digestOfWhat(what), ...found } }
}

function describe(found: Found, verb: string, paint: Paint): string[] {
  const { rows, admitted, leftovers, trainingSets, requested } = found
  const line = (n: number, text: string): string[] => (n === 0 ? [] : [`  ${String(n).padStart(6)}  ${text}`])
  return [
    paint.bold(`${verb[0]?.toUpperCase()}${verb.slice(1)}`),
    ...line(rows, 'samples in quarantine, with their labels'),
    ...line(admitted, 'samples in admitted objects'),
    ...line(leftovers, 'objects that an earlier erasure left behind'),
    ...line(requested, 'lines in label requests'),
    ...trainingSets.flatMap(({ digest, samples, training }) =>
      line(
        samples,
        `samples in the channels of training set ${short(digest)}${training === undefined ? '' : `, which version ${training} is training with`}`,
      ),
    ),
  ]
}

const labelLines = ({ labelFiles }: Found): string[] =>
  labelFiles.map(
    ({ key, lines }) => `  stays: ${lines} lines of ${key} in the drop bucket, which is its owner's file`,
  )

const inTheWay = (model: string, { what, erasedAt, by }: ErasingRow): string => {
  const target = 'device' in what ? `--device ${what.device}` : `--sample ${what.sample}`
  return `an erasure that ${by} began ${erasedAt} has not ended; finish it first: npx edgeloop erase ${model} ${target} --reason "…"`
}

function modelIn(options: Options): string {
  const [model, ...more] = options.positionals
  if (model === undefined || more.length > 0) throw new UsageError('name one model')
  if (!modelName.safeParse(model).success) throw new UsageError(`"${model}" is no name of a model`)
  return model
}

function whatIn(options: Options): Erase {
  const [device, sample] = [options.string('device'), options.string('sample')]
  if ((device === undefined) === (sample === undefined))
    throw new UsageError('give either --device or --sample')
  if (device !== undefined) {
    if (!thingName.safeParse(device).success)
      throw new UsageError(`--device: "${device}" is no name of a device`)
    return { device }
  }
  if (sample === undefined || !fieldSample.shape.eventId.safeParse(sample).success)
    throw new UsageError(`--sample: "${sample}" is no event id`)
  return { sample }
}

function reasonIn(options: Options): string {
  const reason = options.required('reason').trim()
  if (reason === '' || reason.length > MAX_REASON)
    throw new UsageError(`--reason must have 1 to ${MAX_REASON} characters`)
  return reason
}
