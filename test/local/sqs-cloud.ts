/** A running local SQS with a real SDK client, for the tests of this folder. */
import { SQSClient } from '@aws-sdk/client-sqs'
import type { Sqs } from '../../local/core/services.ts'
import { createSqs } from '../../local/sqs/index.ts'
import { clientConfig, createHarness, type Harness, removeFolder } from './dynamodb-harness.ts'

export { refusal } from './dynamodb-cloud.ts'

export interface SqsCloud {
  readonly harness: Harness
  readonly service: Sqs
  readonly client: SQSClient
  /** Lets `seconds` pass for the service. */
  pass(seconds: number): void
  stop(keep?: boolean): Promise<void>
}

export async function startSqs(dir?: string): Promise<SqsCloud> {
  const harness = createHarness(dir)
  const service = createSqs({ realm: harness.realm, iam: harness.iam })
  await harness.serve([service.service])
  const client = new SQSClient(clientConfig(harness))
  return {
    harness,
    service,
    client,
    pass(seconds) {
      harness.clockOffset += seconds * 1000
    },
    async stop(keep = false) {
      client.destroy()
      await service.close()
      await harness.close()
      if (!keep) removeFolder(harness.realm.dir)
    },
  }
}
