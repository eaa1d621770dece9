import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { failureText, TrainingInputError } from './errors.ts'
import { runJob } from './job.ts'

/** Entry point of the training container: `main.ts train`, with SageMaker's folders under SAGEMAKER_BASE_DIR. */
async function main(): Promise<void> {
  let stopped = false
  // StopTrainingJob sends SIGTERM and, 120 s later, SIGKILL: save what there is.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stopped = true
    })
  }
  const baseDir = process.env['SAGEMAKER_BASE_DIR'] || '/opt/ml'
  try {
    const command = process.argv[2] ?? 'train'
    if (command !== 'train')
      throw new TrainingInputError(
        `unknown command ${command.slice(0, 80)}: this image only trains, start it with train`,
      )
    await runJob(baseDir, {
      log: line => process.stdout.write(`${line}\n`),
      stopRequested: () => stopped,
    })
  } catch (error) {
    reportFailure(baseDir, error)
  }
}

function reportFailure(baseDir: string, error: unknown): void {
  const known = error instanceof TrainingInputError
  const text = failureText(error)
  process.exitCode = known ? 1 : 2
  process.stderr.write(`${known || !(error instanceof Error) ? text : error.stack}\n`)
  try {
    mkdirSync(join(baseDir, 'output'), { recursive: true })
    writeFileSync(join(baseDir, 'output', 'failure'), text)
  } catch (cause) {
    process.stderr.write(`output/failure could not be written: ${(cause as Error).message}\n`)
  }
}

void main()
