/** Outputs of a deployed stack: what CloudFormation made up and no name tells. */
import type { S3Client } from '@aws-sdk/client-s3'
import { queryCall } from './signed-call.ts'

/**
 * Region, endpoint and credentials are those that an SDK client has found. Throws CallRefused `ValidationError` when
 * there is no such stack.
 */
export async function stackOutputs(
  found: Pick<S3Client['config'], 'region' | 'credentials'>,
  stackName: string,
): Promise<Readonly<Record<string, string>>> {
  const endpoint = process.env['AWS_ENDPOINT_URL_CLOUDFORMATION'] ?? process.env['AWS_ENDPOINT_URL']
  const config = {
    region: await found.region(),
    credentials: await found.credentials(),
    ...(endpoint !== undefined && { endpoint }),
  }
  const input = { Action: 'DescribeStacks', Version: '2010-05-15', StackName: stackName }
  const tree = await queryCall(config, 'cloudformation', input)
  const pairs = outputsIn(tree).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue] as const)
  return Object.fromEntries(pairs)
}

interface Output {
  readonly OutputKey: string
  readonly OutputValue: string
}
interface Described {
  readonly DescribeStacksResponse?: {
    readonly DescribeStacksResult?: {
      readonly Stacks?: { readonly member?: readonly { readonly Outputs?: { readonly member?: Output[] } }[] }
    }
  }
}
const outputsIn = (tree: unknown): readonly Output[] =>
  (tree as Described).DescribeStacksResponse?.DescribeStacksResult?.Stacks?.member?.[0]?.Outputs?.member ?? []
