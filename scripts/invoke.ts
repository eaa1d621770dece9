/**
 * `npm run invoke -- FUNCTION events/FILE.json`: runs one bundled function as Lambda would, in a local cloud of its
 * own, or in one that runs already when AWS_ENDPOINT_URL says where.
 */
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { holdsObject, missing, objectOf, putObject } from './lib/event-object.ts'
import { buildAndPackage, startEdgeloop } from './lib/local-cloud.ts'
import { parse, run, UsageError } from './lib/options.ts'
import { type AwsConfig, s3Client } from './lib/stack.ts'
import { temporaryStateFolder } from './lib/state-folder.ts'

const HELP = `Usage: npm run invoke -- FUNCTION events/FILE.json [--object FILE]

  --object FILE  content of the object that an S3 event is about; put into its bucket first, which the cloud takes for
                 the drop that it is

FUNCTION is a handler's name, such as register-dataset. The function runs in a fresh local cloud without data, or in
the one that AWS_ENDPOINT_URL points to (npm run cloud prints the variables).
`

await run(async () => {
  const { values, positionals } = parse({
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' }, object: { type: 'string' } },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const [name, file, ...more] = positionals
  if (name === undefined || file === undefined || more.length > 0)
    throw new UsageError('two arguments are needed: FUNCTION and a file with the event')
  const names = functionNames()
  if (!names.includes(name))
    throw new UsageError(`there is no function "${name}"; there are ${names.join(', ')}`)
  const call = {
    name,
    ...readEvent(file),
    content: values.object === undefined ? undefined : read(values.object),
  }
  const about = objectOf(call.event)
  if (call.content !== undefined && about === undefined)
    throw new UsageError(`--object: the event in ${file} is not about an S3 object`)
  if (process.env['AWS_ENDPOINT_URL']) return invoke({}, call)

  await buildAndPackage()
  const folder = temporaryStateFolder()
  try {
    const cloud = await startEdgeloop({ dir: folder.dir, port: 0, mqttPort: 0 })
    const config = { endpoint: cloud.endpoint, region: cloud.realm.region, credentials: cloud.credentials }
    return await invoke(config, call).finally(() => cloud.close())
  } finally {
    folder.release()
  }
})

interface Call {
  readonly name: string
  readonly event: unknown
  readonly payload: Uint8Array
  readonly content: Uint8Array | undefined
}

async function invoke(config: AwsConfig, { name, event, payload, content }: Call): Promise<number> {
  const about = objectOf(event)
  if (about !== undefined && content !== undefined) await putObject(s3Client(config), about, content)
  const client = new LambdaClient({ maxAttempts: 1, ...config })
  const answer = await client.send(
    new InvokeCommand({ FunctionName: `edgeloop-dev-${name}`, Payload: payload, LogType: 'Tail' }),
  )
  // Without the right to list, S3 calls a missing object AccessDenied: neither log nor answer say what is wrong.
  if (
    answer.FunctionError !== undefined &&
    about !== undefined &&
    !(await holdsObject(s3Client(config), about))
  )
    throw new Error(missing(about))
  const log = Buffer.from(answer.LogResult ?? '', 'base64').toString()
  if (log !== '') process.stderr.write(log.endsWith('\n') ? log : `${log}\n`)
  process.stdout.write(`${Buffer.from(answer.Payload ?? []).toString()}\n`)
  return answer.FunctionError === undefined ? 0 : 1
}

/** One bundle per handler, known before any is built. */
function functionNames(): string[] {
  const cwd = fileURLToPath(new URL('../src/handlers/', import.meta.url))
  return globSync('*.ts', { cwd })
    .map(file => basename(file, '.ts'))
    .sort()
}

function readEvent(file: string): { event: unknown; payload: Uint8Array } {
  const payload = read(file)
  try {
    return { event: JSON.parse(Buffer.from(payload).toString()), payload }
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${(error as Error).message}`)
  }
}

function read(file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`)
  }
}
