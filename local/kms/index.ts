/** KMS with P-256 signing keys and symmetric keys; key policies are enforced. */
import type { Kms, ServiceOptions } from '../core/services.ts'
import type { CallContext, JsonOperation } from '../core/types.ts'
import { authorizeKey } from './access.ts'
import { type Input, text } from './input.ts'
import { type Key, type KeyStore, openKeyStore } from './keys.ts'
import { signingOperations } from './signing.ts'
import { symmetricOperations } from './symmetric.ts'

/** Opens the keys in `realm.dir/kms`. */
export function createKms({ realm }: ServiceOptions): Kms {
  const store = openKeyStore(realm)
  return {
    service: {
      kind: 'json',
      name: 'kms',
      targetPrefix: 'TrentService',
      jsonVersion: '1.1',
      operations: {
        ...adminOperations(store, realm.accountId, realm.region),
        ...signingOperations(store),
        ...symmetricOperations(store),
      },
    },
    createKey(stableName, properties) {
      const { keyId, arn } = store.create(stableName, properties)
      return { keyId, arn }
    },
    createAlias: (name, keyId) => store.alias(name, keyId),
    retireOthers: () => store.retireOthers(),
  }
}

function adminOperations(
  store: KeyStore,
  accountId: string,
  region: string,
): Readonly<Record<string, JsonOperation>> {
  const setEnabled = (operation: 'EnableKey' | 'DisableKey') => (input: Input, context: CallContext) => {
    const key = store.find(text(input, 'KeyId'))
    authorizeKey(context, key, operation)
    key.enabled = operation === 'EnableKey'
  }
  return {
    DescribeKey(input: Input, context) {
      const key = store.find(text(input, 'KeyId'))
      authorizeKey(context, key, 'DescribeKey')
      return { KeyMetadata: metadata(key, accountId) }
    },
    ListKeys(_input: Input, context) {
      context.authorize({ action: 'kms:ListKeys', resource: '*' })
      return { Keys: store.list().map(key => ({ KeyId: key.keyId, KeyArn: key.arn })), Truncated: false }
    },
    ListAliases(input: Input, context) {
      context.authorize({ action: 'kms:ListAliases', resource: '*' })
      const only = input['KeyId'] === undefined ? undefined : store.find(text(input, 'KeyId')).keyId
      const Aliases = store
        .aliases()
        .filter(([, key]) => only === undefined || key.keyId === only)
        .map(([name, key]) => ({
          AliasName: name,
          AliasArn: `arn:aws:kms:${region}:${accountId}:${name}`,
          TargetKeyId: key.keyId,
        }))
      return { Aliases, Truncated: false }
    },
    EnableKey: setEnabled('EnableKey'),
    DisableKey: setEnabled('DisableKey'),
  }
}

function metadata(key: Key, accountId: string) {
  const algorithms =
    key.usage === 'SIGN_VERIFY'
      ? { SigningAlgorithms: ['ECDSA_SHA_256'] }
      : { EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'] }
  return {
    AWSAccountId: accountId,
    KeyId: key.keyId,
    Arn: key.arn,
    CreationDate: Date.parse(key.created) / 1000,
    Enabled: key.enabled,
    Description: key.description,
    KeyUsage: key.usage,
    KeyState: key.enabled ? 'Enabled' : 'Disabled',
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: key.spec,
    KeySpec: key.spec,
    MultiRegion: false,
    ...algorithms,
  }
}
