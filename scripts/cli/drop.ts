/** `npx edgeloop drop`: checks files as the handlers would, uploads them, and follows what becomes of them. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { tableStore } from '../../src/adapters/table.ts'
import type { ModelConfig } from '../../src/contracts/model-config.ts'
import { type DatasetRow, keys, type ModelRow } from '../../src/domain/entities.ts'
import { EdgeloopError } from '../../src/domain/errors.ts'
import type { Key } from '../../src/domain/store.ts'
import { rootCause } from '../../src/runtime/events.ts'
import { UsageError, whole } from '../lib/options.ts'
import { s3Client } from '../lib/stack.ts'
import { CloudError, type Command, type Io, type Options, oneOf } from './command.ts'
import { type Dropped, type Fate, look, type Reads, refusalsOf, STAGES, type Stage } from './drop/follow.ts'
import { KINDS, type Kind, rulesOf } from './drop/kinds.ts'
import { check, type Prepared, prepare } from './drop/prepare.ts'
import { type Uploaded, upload } from './drop/upload.ts'
import { openStack, reach, STACK_HELP, type Stack, stackOptions } from './stack.ts'
import { fileFault } from './validate/fault.ts'
import { faultText } from './validate/print.ts'
import { type Checked, checkModel, toJson } from './validate.ts'

const PAUSE_MS = 500

export const drop: Command = {
  help: `Usage: npx edgeloop drop model|dataset|import|labels|devices FILE … [--model NAME] [--wait]

Checks the files, uploads them to the drop bucket under the key that their kind has (docs/inputs.md), and prints the
correlation that everything which follows from each carries. A file with a fault is shown and nothing is uploaded.

  --model NAME     whose dataset, import or labels they are; a model.yaml has its name in it
  --config FILE    the model.yaml to check against (default: the one that the stack has)
  --no-validate    uploads without a look at the content
  --wait           stays until it is registered or refused; a dataset or an import until its rollout is planned
  --until STAGE    waits only so far: registered, packaged or rollout
  --timeout N      seconds that --wait waits (default 3600)
${STACK_HELP}
Needs s3:PutObject on the drop bucket and dynamodb:GetItem on the state table; --wait dynamodb:Query on it and its indexes.
Exits with 1 when a file has faults, when it is refused, when its version is rejected or fails, or when the time is over.
`,
  examples: [
    'model model.yaml --wait',
    'dataset readings.csv --model cold-chain --wait --until packaged',
    'devices depot.csv',
  ],
  options: {
    ...stackOptions,
    model: { type: 'string' },
    config: { type: 'string', takes: 'file' },
    'no-validate': { type: 'boolean' },
    wait: { type: 'boolean' },
    until: { type: 'string', choices: STAGES },
    timeout: { type: 'string' },
  },
  positionals: [
    { name: 'KIND', choices: KINDS },
    { name: 'FILE', takes: 'file' },
  ],
  async run(options, io) {
    const [what, ...files] = options.positionals
    if (what === undefined) throw new UsageError(`name what it is: ${KINDS.join(', ')}`)
    const kind = oneOf('what is dropped', what, KINDS)
    if (files.length === 0) throw new UsageError('name at least one file')
    const wait = options.flag('wait') || options.string('until') !== undefined
    const until: Stage = STAGES.find(s => s === options.string('until')) ?? 'rollout'
    const seconds = whole('timeout', options.string('timeout'), 3_600, 1, 86_400)
    const prepared = files.map(file => prepare(kind, file, modelOf(options, kind)))
    const stack = await openStack(options)
    const reads = openReads(stack)
    const s3 = s3Client(stack.config)
    try {
      const looked = await lookAt(reads, prepared, options)
      if (looked.some(({ faults }) => faults.length > 0)) return notDropped(looked, io)
      for (const { file, alone } of looked)
        if (alone)
          io.note(`${file}: the stack has no model.yaml for it yet; it is looked at when there is one`)
      const dropped: Went[] = []
      for (const each of prepared) {
        const before = wait ? await refusalsOf(reads, each.key) : []
        const sent = await send(s3, stack.names.dropBucket, each, io)
        dropped.push({ ...each, ...sent, refusedBefore: new Set(before.map(r => r.rejection)) })
      }
      const fates = wait ? await follow(reads, dropped, until, seconds, io) : []
      return outcomeOf(dropped, fates, stack.names.dropBucket, io)
    } finally {
      s3.destroy()
      reads.close()
    }
  },
}
type Went = Prepared & Uploaded & Dropped & { readonly correlation: string }

function modelOf(options: Options, kind: Kind): string | undefined {
  const given = options.string('model')
  if (given !== undefined && (kind === 'model' || !rulesOf[kind].ofModel))
    throw new UsageError(`--model does not go with ${kind}`)
  return given
}

function openReads({ config, names }: Stack): Reads & { close(): void } {
  const client = new DynamoDBClient({ ...config })
  const store = tableStore(names.stateTable, () => new Date(), client)
  return {
    get: <T>(key: Key) => reach('DynamoDB', () => store.get<T>(key).catch(noTable(names.stateTable))),
    list: <T>(...args: Parameters<Reads['list']>) =>
      reach('DynamoDB', () => store.list<T>(...args).catch(noTable(names.stateTable))),
    close: () => client.destroy(),
  }
}

/** Each file with what is wrong with it; nothing goes up while one of them has a fault. */
async function lookAt(
  reads: Reads,
  files: readonly Prepared[],
  options: Options,
): Promise<(Checked & { readonly alone: boolean })[]> {
  const given = options.string('config')
  const own = given === undefined ? undefined : checkModel(given)
  if (own !== undefined && own.config === undefined)
    throw new UsageError(`--config: ${given}: ${own.faults[0]?.message}; see npx edgeloop validate ${given}`)
  return Promise.all(
    files.map(async each => {
      const stacks = await configOf(reads, each)
      const faults = await againstState(reads, each, stacks)
      const alone = each.kind === 'dataset' && stacks === undefined
      if (options.flag('no-validate')) return { file: each.file, lines: [], faults, alone }
      const checked = check(each, own?.config ?? stacks)
      return { ...checked, faults: [...checked.faults, ...faults], alone }
    }),
  )
}

async function configOf(reads: Reads, { kind, model }: Prepared): Promise<ModelConfig | undefined> {
  if (kind === 'model' || kind === 'devices') return undefined
  return (await reads.get<ModelRow>(keys.model(model)))?.data.config
}

async function againstState(
  reads: Reads,
  { kind, model, sha256 }: Prepared,
  config: ModelConfig | undefined,
) {
  if ((kind === 'import' || kind === 'labels') && config === undefined)
    return [
      fileFault(
        'MODEL_UNKNOWN',
        `the stack has no model "${model}"`,
        'npx edgeloop drop model model.yaml first',
      ),
    ]
  if (kind !== 'dataset') return []
  const known = await reads.get<DatasetRow>(keys.dataset(model, sha256))
  if (known === undefined) return []
  const { key, registeredAt } = known.data
  return [fileFault('DUPLICATE_DATASET', `the same bytes were registered ${registeredAt} from ${key}`)]
}

function notDropped(checked: readonly Checked[], { paint }: Io) {
  const bad = checked.filter(({ faults }) => faults.length > 0)
  const lines = bad.flatMap(({ file, faults, lines }) =>
    faults.map(f => `${faultText(file, lines, f, paint)}\n`),
  )
  return {
    exit: 1 as const,
    text: [...lines, paint.bad('Nothing was dropped.')].join('\n'),
    data: { dropped: [], refused: bad.map(toJson) },
  }
}

async function send(
  s3: ReturnType<typeof s3Client>,
  bucket: string,
  { file, bytes, key, contentType }: Prepared,
  { progress }: Io,
): Promise<Uploaded & { readonly correlation: string }> {
  const bar = progress(file, { total: bytes.length, unit: 'bytes' })
  try {
    const sent = await reach('S3', () =>
      upload(s3, { bucket, key, contentType }, bytes, bar).catch(noBucket(bucket)),
    )
    const { correlationId } = rootCause('drop', bucket, key, sent.versionId ?? sent.etag)
    return { ...sent, correlation: correlationId }
  } finally {
    bar.end()
  }
}

const missing = (what: string): CloudError =>
  new CloudError(
    `there is no ${what}: is the stack deployed, and --stage right? npx edgeloop doctor says more`,
  )
const noBucket =
  (bucket: string) =>
  (error: unknown): never => {
    throw (error as Error).name === 'NoSuchBucket' ? missing(`bucket ${bucket}`) : error
  }
const noTable =
  (table: string) =>
  (error: unknown): never => {
    throw error instanceof EdgeloopError && error.code === 'NOT_FOUND' ? missing(`table ${table}`) : error
  }

async function follow(
  reads: Reads,
  dropped: readonly Went[],
  until: Stage,
  seconds: number,
  { progress, note, now }: Io,
): Promise<Fate[]> {
  const end = now() + seconds * 1_000
  const fates: Fate[] = []
  for (const each of dropped) {
    const bar = progress(each.key)
    let said = ''
    try {
      for (;;) {
        const fate = await look(reads, each, until)
        bar.at(0, fate.text)
        if (fate.text !== said && fate.result === 'waiting') note(`${each.key}: ${fate.text}`)
        said = fate.text
        if (fate.result === 'waiting' && now() < end) {
          await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
          continue
        }
        fates.push(fate)
        break
      }
    } finally {
      bar.end()
    }
  }
  return fates
}

function outcomeOf(dropped: readonly Went[], fates: readonly Fate[], bucket: string, { paint }: Io) {
  const lines = dropped.flatMap(({ file, key, sha256, correlation }, i) => {
    const fate = fates[i]
    const good = fate === undefined || fate.result === 'done'
    const said =
      fate === undefined
        ? []
        : [`  ${fate.result === 'waiting' ? `the time is over: ${fate.text}` : fate.text}`]
    const others = fate?.result === 'done' ? (fate.reasons ?? []).map(r => `  ${paint.warn('!')} ${r}`) : []
    return [
      `${good ? paint.good('✓') : paint.bad('✗')} ${file} → s3://${bucket}/${key}`,
      `  sha256 ${sha256}, correlation ${correlation}`,
      ...said,
      ...others,
    ]
  })
  return {
    exit: fates.every(({ result }) => result === 'done') ? (0 as const) : (1 as const),
    text: lines.join('\n'),
    data: {
      dropped: dropped.map(({ file, key, model, sha256, versionId, correlation, bytes }, i) => ({
        ...{ file, bucket, key, sha256, bytes: bytes.length, versionId: versionId ?? null, correlation },
        model: model === '' ? null : model,
        fate: fates[i] ?? null,
      })),
      refused: [],
    },
  }
}
