/** A deployed stack as its operators reach it: names that follow from the stage, and clients for them. */
import { IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane'
import { KMSClient } from '@aws-sdk/client-kms'
import { S3Client } from '@aws-sdk/client-s3'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'

/** Endpoint, region and credentials; empty for the usual AWS variables and files. */
export interface AwsConfig {
  readonly endpoint?: string
  readonly region?: string
  readonly maxAttempts?: number
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
}
export type OnlineKeyRole = 'model' | 'deployment'
/** The names that infra/*.yml gives. */
export interface StackNames {
  readonly dropBucket: string
  readonly artefactBucket: string
  readonly consoleBucket: string
  readonly stateTable: string
  readonly quarantineTable: string
  /** Alias of the key that signs, by role. */
  readonly alias: Readonly<Record<OnlineKeyRole, string>>
}

export const stackNames = (stage: string, accountId: string, service = 'edgeloop'): StackNames => ({
  dropBucket: `${service}-${stage}-drops-${accountId}`,
  artefactBucket: `${service}-${stage}-artefacts-${accountId}`,
  consoleBucket: `${service}-${stage}-console-${accountId}`,
  stateTable: `${service}-${stage}-state`,
  quarantineTable: `${service}-${stage}-quarantine`,
  alias: { model: `alias/${service}-${stage}-model`, deployment: `alias/${service}-${stage}-deployment` },
})

/** Whose credentials these are. Throws what STS throws: no credentials, no network. */
export async function callerOf(
  config: AwsConfig,
): Promise<{ readonly account: string; readonly arn: string }> {
  const { Account, Arn = '' } = await new STSClient({ ...config }).send(new GetCallerIdentityCommand({}))
  if (Account === undefined) throw new Error('STS did not say which account this is')
  return { account: Account, arn: Arn }
}
export const accountOf = async (config: AwsConfig): Promise<string> => (await callerOf(config)).account

/** Path style: the local cloud answers on one address, and AWS takes both. */
export const s3Client = (config: AwsConfig): S3Client => new S3Client({ ...config, forcePathStyle: true })
export const kmsClient = (config: AwsConfig): KMSClient => new KMSClient({ ...config })
export const iotDataClient = (config: AwsConfig): IoTDataPlaneClient => new IoTDataPlaneClient({ ...config })
