import { webcrypto } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509'
import * as z from 'zod'
import { thingName } from '../src/contracts/names.ts'

export interface DeviceIdentity {
  readonly thing: string
  /** PKCS#8 PEM; made on the device's side and never sent anywhere. */
  readonly keyPem: string
  readonly certPem: string
  readonly certificateArn: string
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
/** ub-common-name of X.520; the thing's whole name is in the registry. */
const COMMON_NAME_MAX = 64

/** A new EC P-256 key, and a certificate request signed by it. */
export async function createKeyAndCsr(thing: string): Promise<{ keyPem: string; csrPem: string }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [thingName.parse(thing).slice(0, COMMON_NAME_MAX)] }],
    keys,
    signingAlgorithm: ALGORITHM,
  })
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  const keyPem = ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n')
  return { keyPem, csrPem: csr.toString('pem') }
}

const stored = z.strictObject({ thing: thingName, certificateArn: z.string().min(1) })
const DONE = 'identity.json'

/** Identities in one folder, each in a folder of its own: key.pem, cert.pem and, last, identity.json. */
export interface IdentityStore {
  load(thing: string): DeviceIdentity | null
  loadAll(): DeviceIdentity[]
  save(identity: DeviceIdentity): void
}

export function identityStore(dir: string): IdentityStore {
  // A colon is fine in a thing's name and not in a file's name everywhere.
  const folderOf = (thing: string): string => join(dir, encodeURIComponent(thing))
  const read = (folder: string): DeviceIdentity | null => {
    if (!existsSync(join(folder, DONE))) return null
    const text = (name: string) => readFileSync(join(folder, name), 'utf8')
    return { ...stored.parse(JSON.parse(text(DONE))), keyPem: text('key.pem'), certPem: text('cert.pem') }
  }
  return {
    load: thing => read(folderOf(thing)),
    loadAll: () =>
      existsSync(dir)
        ? readdirSync(dir)
            .sort()
            .flatMap(name => read(join(dir, name)) ?? [])
        : [],
    save({ thing, keyPem, certPem, certificateArn }) {
      const folder = folderOf(thing)
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      const write = (name: string, content: string): void => {
        const temporary = join(folder, `.${name}`)
        writeFileSync(temporary, content, { mode: 0o600 })
        // The mode above only holds for a file that is new.
        chmodSync(temporary, 0o600)
        renameSync(temporary, join(folder, name))
      }
      write('key.pem', keyPem)
      write('cert.pem', certPem)
      write(DONE, JSON.stringify({ thing, certificateArn }))
    },
  }
}
