/** Dead letters on the probe's cloud: seen and redriven, so that the function behind it uses every right that it has. */
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import type { Cloud } from '../../local/cloud.ts'
import { askApi } from '../story/report.ts'
import { giveCommand } from './enrol.ts'

const PATIENCE_MS = 30_000
interface Redriven {
  readonly redriven: number
  readonly left: readonly { readonly why: string }[]
}

/** A message of each kind that is not SQS's own to move, put where it would have landed. */
export async function redriveAll(cloud: Cloud): Promise<{ what: string }> {
  const { endpoint, realm, credentials, resources } = cloud
  const sqs = new SQSClient({ endpoint, region: realm.region, credentials })
  const put = (queue: string, body: unknown, target?: string) => {
    const attribute = { DataType: 'String', StringValue: target ?? '-' }
    return sqs.send(
      new SendMessageCommand({
        QueueUrl: String(resources[queue]?.physicalId),
        MessageBody: JSON.stringify(body),
        ...(target === undefined ? {} : { MessageAttributes: { TARGET_ARN: attribute } }),
      }),
    )
  }
  try {
    const ended = {
      ...{ id: 'probe', time: new Date().toISOString(), source: 'aws.sagemaker' },
      'detail-type': 'SageMaker Training Job State Change',
      detail: { TrainingJobName: 'edgeloop-dev-nobody', TrainingJobStatus: 'Completed' },
    }
    await put('UndeliveredQueue', ended, String(resources['TrackTrainingLambdaFunction']?.arn))
    // Nobody waits for it.
    await put('UndeliveredQueue', { source: 'edgeloop', 'detail-type': 'PhaseStarted', detail: { data: {} } })
    await put('FailuresQueue', { DDBStreamBatchInfo: { batchSize: 1 } })
    await askApi(cloud, '/v1/dead-letters')
    await askApi(cloud, '/v1/dead-letters/undelivered')
    await redriven(cloud, 'undelivered', 2)
    await redriven(cloud, 'failures', 1)
    await redriven(cloud, 'refusals-dead', 0)
    return { what: 'dead letters were redriven' }
  } finally {
    sqs.destroy()
  }
}

/** Asks until as many went as there were: a batch of the stream stays while events wait in the outbox. */
async function redriven(cloud: Cloud, queue: string, all: number): Promise<void> {
  const path = `/v1/dead-letters/${queue}/redrives`
  const until = Date.now() + PATIENCE_MS
  for (let count = 0; ; ) {
    const answer = (await giveCommand(cloud, 'POST', path, { reason: 'probe' })) as Redriven
    count += answer.redriven
    if (count >= all) return
    const fault = cloud.denials[0]
    if (fault !== undefined) throw new Error(fault.message)
    if (Date.now() > until) throw new Error(`${queue}: ${answer.left.map(l => l.why).join('; ')}`)
  }
}
