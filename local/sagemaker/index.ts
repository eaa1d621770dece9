/**
 * SageMaker on one machine: training and compilation jobs as child processes that obey the container contract,
 * with S3 and IAM as in AWS. Not a sandbox: a training program runs with the rights of this user.
 */
import type { SageMaker, ServiceOptions } from '../core/services.ts'
import { AwsError, type CallContext, type EmitServiceEvent } from '../core/types.ts'
import { record } from '../events/read.ts'
import { createCompilation } from './compilation.ts'
import type { Compiler } from './compilation-run.ts'
import { parse, type Tag, tags as tagList } from './input.ts'
import { createRunner } from './runner.ts'
import { createTraining, type OnLog } from './training.ts'
import type { TrainingImage } from './training-run.ts'

export type { Compiler } from './compilation-run.ts'
export type { TrainingImage } from './training-run.ts'

export interface SageMakerOptions extends ServiceOptions {
  readonly emit: EmitServiceEvent
  /** Where jobs reach S3; default: the cloud's own endpoint. */
  readonly s3Endpoint?: string | undefined
  /** Which program stands for which training image; first match wins. */
  readonly trainingImages?: readonly TrainingImage[] | undefined
  readonly compiler?: Compiler | undefined
  /** Lines of job output, for a log group and stream. */
  readonly onLog?: OnLog | undefined
  /** Seconds between SIGTERM and SIGKILL of a stopped job; 120 as in AWS. */
  readonly stopGraceSeconds?: number
}

/** Jobs that run at once; the rest waits in `Starting`. */
const SLOTS = 2
const MAX_TAGS = 50

export function createSageMaker(options: SageMakerOptions): SageMaker {
  const { realm, iam } = options
  const runner = createRunner(SLOTS, (options.stopGraceSeconds ?? 120) * 1000, (job, error) =>
    realm.log({ level: 'error', service: 'sagemaker', message: `job ${job} broke: ${error}` }),
  )
  const shared = {
    realm,
    iam,
    runner,
    s3Endpoint: () => options.s3Endpoint ?? realm.endpoint,
    onLog: options.onLog ?? (() => {}),
  }
  const training = createTraining({ ...shared, emit: options.emit, images: options.trainingImages ?? [] })
  const compilation = createCompilation({ ...shared, compiler: options.compiler })

  const tagsOf = (input: unknown, ctx: CallContext, action: string) => {
    const arn = String(record(input)['ResourceArn'])
    ctx.authorize({ action: `sagemaker:${action}`, resource: arn })
    const port = [training.tags, compilation.tags].find(each => each.get(arn) !== undefined)
    if (!port) throw new AwsError('ValidationException', 'Requested resource not found.')
    return { tags: port.get(arn) ?? [], save: (tags: readonly Tag[]) => port.set(arn, tags) }
  }

  return {
    service: {
      kind: 'json',
      name: 'sagemaker',
      targetPrefix: 'SageMaker',
      jsonVersion: '1.1',
      operations: {
        ...training.operations,
        ...compilation.operations,
        ListTags: (input, ctx) => ({ Tags: tagsOf(input, ctx, 'ListTags').tags }),
        AddTags: (input, ctx) => {
          const { tags, save } = tagsOf(input, ctx, 'AddTags')
          const added = parse(tagList, record(input)['Tags'])
          const merged = new Map([...tags, ...added].map(({ Key, Value }) => [Key, Value]))
          if (merged.size > MAX_TAGS)
            throw new AwsError('ResourceLimitExceeded', `A resource has at most ${MAX_TAGS} tags.`)
          const all = [...merged].map(([Key, Value]) => ({ Key, Value }))
          save(all)
          return { Tags: all }
        },
      },
    },
    close: () => runner.close(),
  }
}
