import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A SageMaker job's folders, as `/opt/ml` would hold them. */
export interface JobFolder {
  readonly base: string
  write(path: string, content: string | Uint8Array): void
  text(path: string): string
  has(path: string): boolean
  remove(): void
}

/** Lays out a job: hyperparameters, one inputdataconfig entry per channel, and the channels' files. */
export function makeJob(
  hyperparameters: Readonly<Record<string, unknown>>,
  channels: Readonly<Record<string, Readonly<Record<string, string | Uint8Array>>>>,
  contentTypes: Readonly<Record<string, string>> = {},
): JobFolder {
  const base = mkdtempSync(join(tmpdir(), 'trainer-job-'))
  const folder: JobFolder = {
    base,
    write(path, content) {
      mkdirSync(dirname(join(base, path)), { recursive: true })
      writeFileSync(join(base, path), content)
    },
    text: path => readFileSync(join(base, path), 'utf8'),
    has: path => existsSync(join(base, path)),
    remove: () => rmSync(base, { recursive: true, force: true }),
  }
  folder.write('input/config/hyperparameters.json', JSON.stringify(hyperparameters))
  const config = Object.keys(channels).map(name => [
    name,
    {
      TrainingInputMode: 'File',
      S3DistributionType: 'FullyReplicated',
      RecordWrapperType: 'None',
      ...(contentTypes[name] === undefined ? {} : { ContentType: contentTypes[name] }),
    },
  ])
  folder.write('input/config/inputdataconfig.json', JSON.stringify(Object.fromEntries(config)))
  folder.write(
    'input/config/resourceconfig.json',
    JSON.stringify({ current_host: 'algo-1', hosts: ['algo-1'], network_interface_name: 'eth0' }),
  )
  for (const [name, files] of Object.entries(channels)) {
    for (const [file, content] of Object.entries(files)) folder.write(`input/data/${name}/${file}`, content)
  }
  return folder
}

/** The result of a finished training program. */
export interface ProgramResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Starts the training program as SageMaker does: argument `train`, the base folder in the environment. */
export function startProgram(
  base: string,
  program: readonly string[] = ['trainer/main.ts', 'train'],
): { child: ChildProcess; finished: Promise<ProgramResult>; sawLine(text: string): Promise<void> } {
  const child = spawn('node_modules/.bin/node', program, {
    env: { PATH: process.env['PATH'] ?? '', SAGEMAKER_BASE_DIR: base },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  const waiting: { text: string; resolve: () => void }[] = []
  child.stdout.on('data', chunk => {
    stdout += chunk
    for (const wait of waiting) if (stdout.includes(wait.text)) wait.resolve()
  })
  child.stderr.on('data', chunk => {
    stderr += chunk
  })
  const finished = new Promise<ProgramResult>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => resolve({ code, stdout, stderr }))
  })
  const sawLine = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      if (stdout.includes(text)) resolve()
      else waiting.push({ text, resolve })
      void finished.then(() => reject(new Error(`the program ended before it printed ${text}: ${stderr}`)))
    })
  return { child, finished, sawLine }
}
