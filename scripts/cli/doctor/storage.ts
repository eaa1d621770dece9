/** Buckets and tables. */
import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DynamoDBClient,
} from '@aws-sdk/client-dynamodb'
import {
  GetBucketNotificationConfigurationCommand,
  GetBucketVersioningCommand,
  HeadBucketCommand,
} from '@aws-sdk/client-s3'
import { s3Client } from '../../lib/stack.ts'
import { type Check, deployFix, fail, ifThere, type Look, ok, warn } from './check.ts'

const STACK = ['credentials']

async function bucket(look: Look, Bucket: string, eventBridge: boolean) {
  const s3 = s3Client(look.config)
  try {
    const found = await ifThere(() => s3.send(new HeadBucketCommand({ Bucket })))
    if (found === undefined)
      return fail(
        `there is no bucket ${Bucket}: the stack is not deployed here, or --stage is another`,
        deployFix(look),
      )
    if (eventBridge) {
      const { EventBridgeConfiguration } = await s3.send(
        new GetBucketNotificationConfigurationCommand({ Bucket }),
      )
      if (EventBridgeConfiguration === undefined)
        return fail(
          `${Bucket} does not tell EventBridge of its objects: nothing that is dropped starts anything`,
          deployFix(look),
        )
    }
    const { Status } = await s3.send(new GetBucketVersioningCommand({ Bucket }))
    return Status === 'Enabled'
      ? ok(`bucket ${Bucket}${eventBridge ? ' tells EventBridge' : ''}, keeps versions`)
      : warn(
          `${Bucket} keeps no versions: lineage cannot name the bytes that a version was trained on`,
          deployFix(look),
        )
  } finally {
    s3.destroy()
  }
}

async function table(look: Look, TableName: string, isState: boolean) {
  const dynamodb = new DynamoDBClient({ ...look.config })
  try {
    const found = await ifThere(() => dynamodb.send(new DescribeTableCommand({ TableName })))
    const description = found?.Table
    if (description === undefined) return fail(`there is no table ${TableName}`, deployFix(look))
    if (description.TableStatus !== 'ACTIVE' && description.TableStatus !== 'UPDATING')
      return fail(`table ${TableName} is ${description.TableStatus}`, 'wait, and look at it in the console')
    const indexes = (description.GlobalSecondaryIndexes ?? []).map(i => i.IndexName)
    const missing = ['listing', 'pending'].filter(name => isState && !indexes.includes(name))
    if (missing.length > 0)
      return fail(`table ${TableName} lacks the index ${missing.join(' and ')}`, deployFix(look))
    if (isState && description.StreamSpecification?.StreamEnabled !== true)
      return fail(`table ${TableName} has no stream: no event is ever published`, deployFix(look))
    const { ContinuousBackupsDescription } = await dynamodb.send(
      new DescribeContinuousBackupsCommand({ TableName }),
    )
    const recovery = ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus
    return recovery === 'ENABLED'
      ? ok(`table ${TableName} is active, with point-in-time recovery`)
      : warn(`table ${TableName} has no point-in-time recovery: what is lost is lost`, deployFix(look))
  } finally {
    dynamodb.destroy()
  }
}

export const storageChecks: readonly Check[] = [
  { id: 'drop bucket', needs: STACK, run: look => bucket(look, look.names.dropBucket, true) },
  { id: 'artefact bucket', needs: STACK, run: look => bucket(look, look.names.artefactBucket, false) },
  { id: 'state table', needs: STACK, run: look => table(look, look.names.stateTable, true) },
  { id: 'quarantine table', needs: STACK, run: look => table(look, look.names.quarantineTable, false) },
]
