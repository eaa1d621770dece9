/** The keys that sign, and the trust root by which devices believe them. */
import { DescribeKeyCommand } from '@aws-sdk/client-kms'
import { topics } from '../../../src/contracts/mqtt.ts'
import { openChain, Refusal, type TrustRoot } from '../../../verifier/index.ts'
import { fetchOnlineKeys } from '../../lib/online-keys.ts'
import { retained } from '../../lib/publish-chain.ts'
import { iotDataClient, kmsClient } from '../../lib/stack.ts'
import { walkedChain } from '../chain-steps.ts'
import { daysLeft, WARN_DAYS } from '../describe-root.ts'
import { short } from '../paint.ts'
import { type Check, deployFix, fail, type Look, ok, warn } from './check.ts'

const FIRST = 'docs/runbooks/first-trust-root.md; with npm run cloud it is made by itself'

async function keys(look: Look) {
  const kms = kmsClient(look.config)
  try {
    for (const role of ['model', 'deployment'] as const) {
      const KeyId = look.names.alias[role]
      const state = await stateOf(() => kms.send(new DescribeKeyCommand({ KeyId })))
      if (state === undefined) return fail(`there is no key ${KeyId}: nothing can be signed`, deployFix(look))
      if (state !== 'Enabled')
        return fail(
          `the ${role} key ${KeyId} is ${state}: nothing can be signed`,
          state === 'PendingDeletion'
            ? `aws kms cancel-key-deletion --key-id ${KeyId}, then enable-key`
            : `aws kms enable-key --key-id KEY, by the id that aws kms describe-key --key-id ${KeyId} gives`,
        )
    }
    return ok('the model key and the deployment key can sign')
  } finally {
    kms.destroy()
  }
}

async function stateOf(
  describe: () => Promise<{ KeyMetadata?: { KeyState?: string | undefined } | undefined }>,
) {
  try {
    return (await describe()).KeyMetadata?.KeyState ?? 'Unknown'
  } catch (error) {
    if ((error as Error).name === 'NotFoundException') return undefined
    throw error
  }
}

async function publishedRoot({ config }: Look): Promise<TrustRoot | undefined> {
  const iot = iotDataClient(config)
  try {
    const bytes = await retained(iot, topics.trust)
    return bytes === undefined ? undefined : walkedChain(openChain(bytes))
  } finally {
    iot.destroy()
  }
}

async function root(look: Look) {
  try {
    const found = await publishedRoot(look)
    if (found === undefined)
      return fail('no trust root is out: nothing is signed, and no device takes anything', FIRST)
    const left = daysLeft(found, look.now())
    const renew = 'docs/runbooks/rotate-root.md: draft the next one with keys root'
    if (left < 0) return fail(`trust root ${found.version} has expired: devices refuse everything new`, renew)
    if (left < WARN_DAYS) return warn(`trust root ${found.version} expires in ${left} days`, renew)
    return ok(`trust root ${found.version} is out, valid for ${left} days`)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return fail(`the published chain does not hold: ${error.message}`, 'npx edgeloop keys status')
  }
}

async function listed(look: Look) {
  const kms = kmsClient(look.config)
  try {
    const found = await publishedRoot(look)
    if (found === undefined) return fail('no trust root is out', FIRST)
    const online = await fetchOnlineKeys(kms, look.names.alias)
    const strange = online.filter(k => k.signs && !found.roles[k.role].keyids.includes(k.keyid))
    return strange.length === 0
      ? ok('the trust root lists the keys that sign')
      : fail(
          `the trust root does not list the ${strange.map(k => `${k.role} key ${short(k.keyid)}`).join(' and ')}: its work is held back`,
          'docs/runbooks/rotate-model-key.md and rotate-deployment-key.md; npx edgeloop keys status',
        )
  } finally {
    kms.destroy()
  }
}

export const trustChecks: readonly Check[] = [
  { id: 'keys', needs: ['drop bucket'], run: keys },
  { id: 'trust root', needs: ['drop bucket'], run: root },
  { id: 'trusted keys', needs: ['keys', 'trust root'], run: listed },
]
