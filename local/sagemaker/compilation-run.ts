/** The life of one compilation job, with a local compiler where Neo stands in AWS. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { startChild } from './child.ts'
import { type CompilationRequest, targetName } from './compilation-input.ts'
import type { JobControl } from './runner.ts'
import { parseS3Uri, type S3Access } from './s3-access.ts'
import { listFiles, packFolder, type TarEntry, unpack } from './tar.ts'

export interface Compiler {
  /** Program and arguments; `--input FILE --output DIR --target NAME` is appended. Exit 1 means: the model is at fault. */
  readonly command: readonly string[]
}
export interface CompilationRunPorts {
  readonly compiler: Compiler | undefined
  /** Folder of this job; its log stays in it. */
  readonly dir: string
  readonly region: string
  readonly s3: S3Access
  readonly onLine: (line: string) => void
  readonly onStarted: () => void
}
export interface CompilationResult {
  readonly s3ModelArtifacts: string
  readonly artifactDigest: string
}

/** A failure that carries the prefix by which AWS tells the user's errors from its own. */
export class CompilationFailure extends Error {}
const inputFault = (reason: string): CompilationFailure =>
  new CompilationFailure(`ClientError: InputConfiguration: ${reason}`)

/**
 * Neo documents one `.model` file for XGBoost. `.json` and `.ubj` are XGBoost's own present formats, which Neo's
 * documentation does not name; they are accepted here because XGBoost itself no longer writes `.model`.
 */
const MODEL_FILE = /\.(model|json|ubj)$/i
const MAX_MODEL_BYTES = 512 * 1024 * 1024
const NOTE_FILE = 'neo-compatibility.txt'

/** Runs the job; rejects with CompilationFailure, or with anything else for a fault of ours. */
export async function compile(
  request: CompilationRequest,
  control: JobControl,
  ports: CompilationRunPorts,
): Promise<CompilationResult> {
  const work = join(ports.dir, 'work')
  try {
    control.signal.throwIfAborted()
    await mkdir(join(work, 'out'), { recursive: true, mode: 0o700 })
    control.limit(request.StoppingCondition.MaxRuntimeInSeconds)
    ports.onStarted()
    const model = await fetchModel(request, control, ports)
    const input = join(work, basename(model.name))
    await writeFile(input, model.data)
    await runCompiler(request, control, ports, input, join(work, 'out'))
    return await deliver(request, control, ports, work)
  } finally {
    await ports.s3.close().catch(() => {})
    await rm(work, { recursive: true, force: true }).catch(() => {})
  }
}

async function fetchModel(
  request: CompilationRequest,
  control: JobControl,
  ports: CompilationRunPorts,
): Promise<TarEntry> {
  const { S3Uri: uri, Framework: framework } = request.InputConfig
  if (framework !== 'XGBOOST')
    throw inputFault(`the local cloud's compiler takes XGBOOST models, not ${framework}`)
  if (!uri.endsWith('.tar.gz'))
    throw inputFault(`S3Uri must point to a single .tar.gz archive, not to ${uri}`)
  let archive: Buffer
  try {
    archive = await ports.s3.read(parseS3Uri(uri), control.signal)
  } catch (error) {
    control.signal.throwIfAborted()
    throw inputFault(`Unable to download input model ${uri} as role ${request.RoleArn}: ${text(error)}`)
  }
  let entries: TarEntry[]
  try {
    entries = await unpack(archive, MAX_MODEL_BYTES)
  } catch (error) {
    throw inputFault(
      `Unable to untar input model. Please confirm the model is a tar.gz file (${text(error)})`,
    )
  }
  // Archives made on macOS carry AppleDouble files beside each file.
  const models = entries.filter(
    entry => MODEL_FILE.test(entry.name) && !basename(entry.name).startsWith('._'),
  )
  const [model] = models
  if (!model || models.length > 1)
    throw inputFault(
      `No valid XGBoost model file found. Please make sure the archive holds exactly one .model file, it holds ${models.length}${models.length > 1 ? ` (${models.map(each => each.name).join(', ')})` : ''}`,
    )
  return model
}

async function runCompiler(
  request: CompilationRequest,
  control: JobControl,
  ports: CompilationRunPorts,
  input: string,
  output: string,
): Promise<void> {
  if (!ports.compiler)
    throw new CompilationFailure('ServerError: the local cloud was started without a compiler')
  control.signal.throwIfAborted()
  let lastLine = ''
  const child = startChild({
    command: [
      ...ports.compiler.command,
      '--input',
      input,
      '--output',
      output,
      '--target',
      targetName(request),
    ],
    cwd: output,
    env: { PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin' },
    logFile: join(ports.dir, 'compile.log'),
    onLine: line => {
      if (line.trim() !== '') lastLine = line.trim()
      ports.onLine(line)
    },
  })
  control.attach(child)
  const exit = await child.done
  control.signal.throwIfAborted()
  if (exit.error)
    throw new CompilationFailure(`ServerError: the compiler could not be started: ${exit.error}`)
  if (exit.code === 1) throw inputFault(lastLine || 'the compiler refused the model')
  if (exit.code !== 0)
    throw new CompilationFailure(`ServerError: the compiler ended with exit code ${exit.code}: ${lastLine}`)
}

async function deliver(
  request: CompilationRequest,
  control: JobControl,
  ports: CompilationRunPorts,
  work: string,
): Promise<CompilationResult> {
  const out = join(work, 'out')
  if ((await listFiles(out)).length === 0)
    throw new CompilationFailure('ServerError: the compiler left no output')
  await writeFile(join(out, NOTE_FILE), NOTE)
  const name = `${basename(request.InputConfig.S3Uri, '.tar.gz')}-${targetName(request)}.tar.gz`
  const archive = join(work, name)
  await packFolder(out, archive)
  const uri = `${request.OutputConfig.S3OutputLocation.replace(/\/+$/, '')}/${name}`
  try {
    // User metadata, because a job's Describe output has no free field that would not change its meaning.
    await ports.s3.upload(archive, parseS3Uri(uri), control.signal, {
      'produced-by': 'local-cloud-compiler, not SageMaker Neo',
    })
  } catch (error) {
    control.signal.throwIfAborted()
    throw new CompilationFailure(
      `ClientError: Unable to upload the compiled model to ${uri} as role ${request.RoleArn}: ${text(error)}`,
    )
  }
  return { s3ModelArtifacts: uri, artifactDigest: await digest(archive) }
}

const NOTE = [
  'This artefact was compiled by the local cloud’s own compiler, not by Amazon SageMaker Neo.',
  'It stands at the place of a Neo artefact so that the pipeline can be run without an AWS account;',
  'it does not load in the Neo runtime (DLR), and Neo makes other files from the same model.',
  '',
].join('\n')

/** BLAKE2, as SageMaker documents it for ModelDigests; 256 bits in hex. */
async function digest(file: string): Promise<string> {
  const hash = createHash('blake2s256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

const text = (error: unknown): string =>
  error instanceof Error
    ? error.name === 'Error'
      ? error.message
      : `${error.name}: ${error.message}`
    : String(error)
