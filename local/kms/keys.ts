import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, randomUUID } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PolicyDocument, Realm } from '../core/types.ts'
import { checkPolicy } from '../iam/policy-check.ts'
import { notFound, validation } from './errors.ts'

export interface Key {
  readonly keyId: string
  readonly arn: string
  readonly spec: 'ECC_NIST_P256' | 'SYMMETRIC_DEFAULT'
  readonly usage: 'SIGN_VERIFY' | 'ENCRYPT_DECRYPT'
  readonly created: string
  readonly description: string
  readonly policy: PolicyDocument
  enabled: boolean
  readonly material: { readonly ecc: KeyObject } | { readonly aes: Buffer }
}
/** What is on disk: the material and what must not change with it. The rest comes from the template. */
interface KeyFile {
  readonly keyId: string
  readonly stableName: string
  readonly spec: Key['spec']
  readonly created: string
  /** PKCS#8 PEM, or base64 of the AES key. */
  readonly secret: string
}
export interface KeyProperties {
  readonly KeySpec?: string
  readonly KeyUsage?: string
  readonly KeyPolicy?: PolicyDocument
  readonly [other: string]: unknown
}

export interface KeyStore {
  create(stableName: string, properties: KeyProperties): Key
  alias(name: string, keyId: string): void
  /** By key id, key ARN, alias name or alias ARN; throws NotFoundException. */
  find(id: string): Key
  /**
   * Sets aside the keys that no `create` has named: a stack that makes such a resource again gets a new key. They stay in
   * the account, without an alias, as with a DeletionPolicy of Retain.
   */
  retireOthers(): void
  list(): readonly Key[]
  aliases(): readonly (readonly [name: string, key: Key])[]
}

const usages = { ECC_NIST_P256: 'SIGN_VERIFY', SYMMETRIC_DEFAULT: 'ENCRYPT_DECRYPT' } as const

/** Opens the keys in `realm.dir/kms`. Keys exist for callers once `create` has named them, or when they were set aside. */
export function openKeyStore(realm: Realm): KeyStore {
  const dir = join(realm.dir, 'kms')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const prefix = `arn:aws:kms:${realm.region}:${realm.accountId}:`
  const files = new Map<string, KeyFile>()
  const retained: KeyFile[] = []
  for (const name of readdirSync(dir)) {
    const file = JSON.parse(readFileSync(join(dir, name), 'utf8')) as KeyFile
    if (name.endsWith('.json')) files.set(file.stableName, file)
    else retained.push(file)
  }
  const keys = new Map<string, Key>()
  const keep = (file: KeyFile, properties: KeyProperties): Key => {
    const key = keyOf(file, properties, prefix, realm.accountId)
    keys.set(key.keyId, key)
    return key
  }
  for (const file of retained) keep(file, {})
  const aliases = new Map<string, string>()
  const byId = (keyId: string): Key => {
    const key = keys.get(keyId)
    if (key === undefined) throw notFound(`Key '${prefix}key/${keyId}' does not exist`)
    return key
  }
  const find = (id: string): Key => {
    const local = id.startsWith(prefix) ? id.slice(prefix.length) : id
    if (local.startsWith('alias/')) {
      const keyId = aliases.get(local)
      if (keyId === undefined) throw notFound(`Alias ${prefix}${local} is not found.`)
      return byId(keyId)
    }
    if (local.startsWith('arn:')) throw notFound(`Key '${id}' does not exist`)
    return byId(local.replace(/^key\//, ''))
  }
  return {
    create(stableName, properties) {
      const spec = readSpec(properties)
      if (properties.KeyPolicy) checkPolicy(properties.KeyPolicy, `policy of key ${stableName}`)
      const before = files.get(stableName)
      // CloudFormation replaces a key whose spec changes.
      const file = before?.spec === spec ? before : newFile(stableName, spec, realm.now())
      if (file !== before) save(dir, file)
      files.set(stableName, file)
      return keep(file, properties)
    },
    alias(name, keyId) {
      if (!/^alias\/[\w/-]+$/.test(name))
        throw validation(`Alias name ${name} must begin with alias/ and hold A-Z a-z 0-9 _ / - only.`)
      aliases.set(name, find(keyId).keyId)
    },
    find,
    retireOthers() {
      for (const [stableName, file] of files) {
        if (keys.has(file.keyId)) continue
        const path = join(dir, `${file.keyId}.json`)
        renameSync(path, `${path}.retired`)
        files.delete(stableName)
        keep(file, {})
      }
    },
    list: () => [...keys.values()],
    aliases: () => [...aliases].map(([name, keyId]) => [name, byId(keyId)] as const),
  }
}

function keyOf(
  { keyId, spec, created, secret }: KeyFile,
  properties: KeyProperties,
  prefix: string,
  accountId: string,
): Key {
  return {
    ...{ keyId, arn: `${prefix}key/${keyId}`, spec, usage: usages[spec], created },
    description: String(properties['Description'] ?? ''),
    policy: properties.KeyPolicy ?? defaultPolicy(accountId),
    enabled: String(properties['Enabled'] ?? true) === 'true',
    material:
      spec === 'ECC_NIST_P256' ? { ecc: createPrivateKey(secret) } : { aes: Buffer.from(secret, 'base64') },
  }
}

function readSpec({ KeySpec, KeyUsage }: KeyProperties): Key['spec'] {
  const spec = KeySpec ?? 'SYMMETRIC_DEFAULT'
  if (spec !== 'ECC_NIST_P256' && spec !== 'SYMMETRIC_DEFAULT')
    throw validation(
      `KeySpec ${spec} is not supported by the local cloud; use ECC_NIST_P256 or SYMMETRIC_DEFAULT.`,
    )
  const usage = KeyUsage ?? 'ENCRYPT_DECRYPT'
  if (usage !== usages[spec])
    throw validation(`KeyUsage ${usage} is not compatible with KeySpec ${spec}; it needs ${usages[spec]}.`)
  return spec
}

function newFile(stableName: string, spec: Key['spec'], now: Date): KeyFile {
  const secret =
    spec === 'ECC_NIST_P256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
          .privateKey.export({ format: 'pem', type: 'pkcs8' })
          .toString()
      : randomBytes(32).toString('base64')
  return { keyId: randomUUID(), stableName, spec, created: now.toISOString(), secret }
}

function save(dir: string, file: KeyFile): void {
  const path = join(dir, `${file.keyId}.json`)
  writeFileSync(`${path}.tmp`, JSON.stringify(file), { mode: 0o600 })
  chmodSync(`${path}.tmp`, 0o600)
  renameSync(`${path}.tmp`, path)
}

/** KMS's default key policy: the account decides through identity policies. */
function defaultPolicy(accountId: string): PolicyDocument {
  return {
    Version: '2012-10-17',
    Statement: {
      Sid: 'Enable IAM User Permissions',
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${accountId}:root` },
      Action: 'kms:*',
      Resource: '*',
    },
  }
}
