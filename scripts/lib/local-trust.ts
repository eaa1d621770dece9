/** The trust root of a local cloud, so that a device can be started against it at once. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cloud } from '../../local/cloud.ts'
import { topics } from '../../src/contracts/mqtt.ts'
import { openChain } from '../../verifier/chain.ts'
import { ceremonyStack, firstRoot } from './ceremony.ts'
import { retained } from './publish-chain.ts'
import { type AwsConfig, stackNames } from './stack.ts'

export interface LocalTrust {
  /** Link 1, what a device is made with (`device/main.ts --trust-root`). */
  readonly linkFile: string
  /** The chain beside its root keys; undefined when the ceremony was held with keys that are kept elsewhere. */
  readonly chainFile: string | undefined
}

/**
 * Holds the first ceremony if none was held, with root keys in `root-keys/` of the cloud's folder, and writes the first
 * link of the chain that devices get to a file. Rejects when the chain is not out within `seconds`.
 */
export async function localTrust(cloud: Cloud, seconds?: number): Promise<LocalTrust> {
  const { endpoint, credentials, realm } = cloud
  const config: AwsConfig = { endpoint, region: realm.region, credentials }
  const stack = ceremonyStack(config, stackNames('dev', realm.accountId))
  try {
    const out = await retained(stack.iot, topics.trust)
    const keys = join(realm.dir, 'root-keys')
    const link =
      out === undefined
        ? (await firstRoot(stack, keys, seconds)).link
        : Buffer.from(openChain(out)[0] as Uint8Array)
    const [linkFile, chainFile] = [join(realm.dir, 'trust-root.json'), join(keys, 'chain.json')]
    writeFileSync(linkFile, link)
    return { linkFile, chainFile: existsSync(chainFile) ? chainFile : undefined }
  } finally {
    for (const client of [stack.s3, stack.kms, stack.iot]) client.destroy()
  }
}
