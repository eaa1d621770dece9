/** Dead-letter queue redrive: StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask. */
import { randomUUID } from 'node:crypto'
import { invalidParameter, missingParameter, sqsError } from './errors.ts'
import { optionalInteger, optionalString, requiredString } from './input.ts'
import type { Operations } from './operation.ts'
import type { NamedQueue, Registry } from './registry.ts'

interface MoveTask {
  readonly id: string
  readonly sourceArn: string
  readonly destinationArn: string | undefined
  readonly perSecond: number | undefined
  readonly startedAt: number
  readonly toMove: number
  moved: number
  status: 'RUNNING' | 'COMPLETED' | 'CANCELLED' | 'FAILED'
  failureReason?: string
  timer?: NodeJS.Timeout
}
export interface Moves {
  readonly operations: Operations
  close(): void
}

const maxPerSecond = 500
const maxKeptTasks = 10

export function createMoves(registry: Registry): Moves {
  const tasks: MoveTask[] = []
  const need = (action: string, named: NamedQueue) => ({
    action: `sqs:${action}`,
    resource: named.arn,
    resourcePolicies: registry.policies(named),
  })
  const findByArn = (arn: string) => registry.all().find(named => named.arn === arn)

  const step = (task: MoveTask) => {
    const source = findByArn(task.sourceArn)
    const budget = Math.min(task.perSecond ?? Number.POSITIVE_INFINITY, task.toMove - task.moved)
    for (const message of source?.queue.visible(budget) ?? []) {
      const target = task.destinationArn ?? message.deadLetterSource
      const destination = target === undefined ? undefined : findByArn(target)
      if (source === undefined || destination === undefined) {
        task.failureReason ??=
          target === undefined ? 'CouldNotDetermineMessageSource' : 'AWS.SimpleQueueService.NonExistentQueue'
        continue
      }
      // In this order: a crash between the two leaves the message twice rather than not at all.
      registry.resend(destination, message)
      source.queue.remove(message)
      task.moved++
    }
    if (task.failureReason !== undefined) task.status = 'FAILED'
    else if (task.moved >= task.toMove || source === undefined || source.queue.counts().visible === 0)
      task.status = 'COMPLETED'
    else {
      task.timer = setTimeout(() => step(task), 1000)
      task.timer.unref()
    }
  }

  return {
    operations: {
      StartMessageMoveTask(input, ctx) {
        const source = sourceOf(registry, requiredString(input, 'SourceArn'))
        const destinationArn = optionalString(input, 'DestinationArn')
        const destination = destinationArn === undefined ? undefined : registry.byArn(destinationArn)
        const targets = destination === undefined ? registry.sourcesOf(source.arn) : [destination]
        ctx.authorize(
          need('StartMessageMoveTask', source),
          need('ReceiveMessage', source),
          need('DeleteMessage', source),
          need('GetQueueAttributes', source),
          ...targets.map(target => need('SendMessage', target)),
        )
        if (registry.sourcesOf(source.arn).length === 0)
          throw invalidParameter('Source queue must be configured as a Dead Letter Queue.')
        if (tasks.some(task => task.sourceArn === source.arn && task.status === 'RUNNING'))
          throw sqsError(
            'UnsupportedOperation',
            'There is already a task running. Only one active task is allowed for a source queue arn at a given time.',
          )
        const task: MoveTask = {
          id: randomUUID(),
          sourceArn: source.arn,
          destinationArn,
          perSecond: optionalInteger(input, 'MaxNumberOfMessagesPerSecond', 1, maxPerSecond),
          startedAt: registry.realm.now().getTime(),
          toMove: source.queue.counts().visible,
          moved: 0,
          status: 'RUNNING',
        }
        tasks.unshift(task)
        step(task)
        return { TaskHandle: handleOf(task) }
      },
      ListMessageMoveTasks(input, ctx) {
        const source = sourceOf(registry, requiredString(input, 'SourceArn'))
        ctx.authorize(need('ListMessageMoveTasks', source))
        const limit = optionalInteger(input, 'MaxResults', 1, maxKeptTasks) ?? 1
        const found = tasks.filter(task => task.sourceArn === source.arn).slice(0, limit)
        return { Results: found.map(describe) }
      },
      CancelMessageMoveTask(input, ctx) {
        const handle = requiredString(input, 'TaskHandle')
        const task = tasks.find(candidate => handleOf(candidate) === handle)
        if (task === undefined) throw sqsError('ResourceNotFoundException', 'Task does not exist.')
        ctx.authorize(need('CancelMessageMoveTask', registry.byArn(task.sourceArn)))
        if (task.status !== 'RUNNING')
          throw sqsError('UnsupportedOperation', 'Only active tasks can be cancelled.')
        clearTimeout(task.timer)
        task.status = 'CANCELLED'
        return { ApproximateNumberOfMessagesMoved: task.moved }
      },
    },
    close() {
      for (const task of tasks) clearTimeout(task.timer)
    },
  }
}

function sourceOf(registry: Registry, arn: string): NamedQueue {
  const found = registry.all().find(named => named.arn === arn)
  if (found !== undefined) return found
  if (arn === '') throw missingParameter('SourceArn')
  throw sqsError(
    'ResourceNotFoundException',
    'The resource that you specified for the SourceArn parameter does not exist.',
  )
}

const handleOf = ({ id, sourceArn }: MoveTask): string =>
  Buffer.from(JSON.stringify({ taskId: id, sourceArn })).toString('base64')

const describe = (task: MoveTask): object => ({
  ...(task.status === 'RUNNING' ? { TaskHandle: handleOf(task) } : {}),
  Status: task.status,
  SourceArn: task.sourceArn,
  ...(task.destinationArn === undefined ? {} : { DestinationArn: task.destinationArn }),
  ...(task.perSecond === undefined ? {} : { MaxNumberOfMessagesPerSecond: task.perSecond }),
  ApproximateNumberOfMessagesMoved: task.moved,
  ApproximateNumberOfMessagesToMove: task.toMove,
  ...(task.failureReason === undefined ? {} : { FailureReason: task.failureReason }),
  StartedTimestamp: task.startedAt,
})
