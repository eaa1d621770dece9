import * as z from 'zod'
import { bars, IN_TOTO_STATEMENT, TRUST_ROOT_TYPE } from '../../../src/contracts/manifest.ts'
import { sha256, timestamp } from '../../../src/contracts/names.ts'

/**
 * What is signed in a link of the trust chain. The cloud never builds one from a zod contract (ceremonies write it and
 * `verifier/root.ts` reads it), so the schema is here; a test holds it against the verifier.
 */
const keyids = (max: number) => z.array(sha256).min(1).max(max)
const version = z.int().min(1).max(1_000_000)

export const trustRoot = z.strictObject({
  _type: z.literal(IN_TOTO_STATEMENT),
  subject: z.array(z.strictObject({ name: z.string(), digest: z.strictObject({ sha256 }) })).min(1),
  predicateType: z.literal(TRUST_ROOT_TYPE),
  predicate: z.strictObject({
    version,
    epoch: version,
    issued: timestamp,
    expires: timestamp,
    /** DER SPKI by key id; exactly the keys that the roles name. */
    keys: z.record(sha256, z.base64()),
    roles: z.strictObject({
      root: z.strictObject({ keyids: keyids(16), threshold: z.int().min(1).max(16) }),
      model: z.strictObject({ keyids: keyids(8) }),
      deployment: z.strictObject({ keyids: keyids(8) }),
    }),
    ...bars.shape,
  }),
})
