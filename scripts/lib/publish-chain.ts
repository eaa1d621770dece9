/** From a chain in a file to the chain that devices receive. */
import { GetRetainedMessageCommand, type IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane'
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import type { TrustChain } from '../../src/contracts/manifest.ts'
import { topics } from '../../src/contracts/mqtt.ts'

/** Where publish-trust takes it from. */
export const TRUST_CHAIN_KEY = 'trust/chain.json'

export const chainBytes = (chain: TrustChain['chain']): Buffer => Buffer.from(JSON.stringify({ v: 1, chain }))

/** Bytes of a retained message, undefined when there is none. Needs iot:GetRetainedMessage on the topic. */
export async function retained(iot: IoTDataPlaneClient, topic: string): Promise<Buffer | undefined> {
  try {
    const { payload } = await iot.send(new GetRetainedMessageCommand({ topic }))
    return payload === undefined ? undefined : Buffer.from(payload)
  } catch (error) {
    if ((error as Error).name === 'ResourceNotFoundException') return undefined
    throw error
  }
}

/** Drops the chain. Needs s3:PutObject on `trust/chain.json` of the drop bucket. */
export async function uploadChain(s3: S3Client, dropBucket: string, bytes: Uint8Array): Promise<void> {
  await s3.send(
    new PutObjectCommand({
      Bucket: dropBucket,
      Key: TRUST_CHAIN_KEY,
      Body: bytes,
      ContentType: 'application/json',
    }),
  )
}

/**
 * Waits until the retained chain has these links, or more that follow them.
 * @throws Error after `seconds`, saying where to look
 */
export async function untilRetained(
  iot: IoTDataPlaneClient,
  chain: TrustChain['chain'],
  seconds = 60,
): Promise<void> {
  const until = performance.now() + seconds * 1000
  for (;;) {
    const now = await retained(iot, topics.trust)
    if (now !== undefined && begins(now, chain)) return
    if (performance.now() > until)
      throw new Error(
        `trust root ${chain.length} was dropped and is not out after ${seconds} s: look for it among the rejected inputs (GET /v1/rejected-inputs) and in the log of publish-trust`,
      )
    await new Promise(later => setTimeout(later, 100))
  }
}

/** Whether a published chain begins with these links; signatures aside, which say nothing of the content. */
export function begins(published: Uint8Array, chain: TrustChain['chain']): boolean {
  const links = (JSON.parse(Buffer.from(published).toString('utf8')) as TrustChain).chain
  return chain.every(({ payload }, i) => links[i]?.payload === payload)
}
