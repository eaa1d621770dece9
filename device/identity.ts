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
import * as z from 'zod'
import { thingName } from '../src/contracts/names.ts'

export interface DeviceIdentity {
  readonly thing: string
  /** PKCS#8 PEM; made on the device's side and never sent anywhere. */
  readonly keyPem: string
  readonly certPem: string
  readonly certificateArn: string
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
