import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { thingName } from '../src/contracts/names.ts'
import type { Storage } from './ports.ts'
import { fileStorage } from './storage/file.ts'

export interface DeviceIdentity {
  readonly thing: string
  /** PKCS#8 PEM; made on the device's side and never sent anywhere. */
  readonly keyPem: string
  readonly certPem: string
  /** Known to whoever registered the device with an operator's credentials, and not to a device itself. */
  readonly certificateArn?: string
}

const identityFile = z.strictObject({ thing: thingName, certificateArn: z.string().min(1).optional() })
const enrolmentFile = z.strictObject({
  thing: thingName,
  keyPem: z.string(),
  csrPem: z.string(),
  certificate: z.strictObject({ pem: z.string(), token: z.string() }).optional(),
})
/** An enrolment under way: the key is kept from its first message on, since the serial is for this key only. */
export type Enrolment = z.infer<typeof enrolmentFile>

const DONE = 'identity.json'
const UNDER_WAY = 'enrolment.json'

/** Identities in one folder, each in a folder of its own: key.pem, cert.pem and, last, identity.json. */
export interface IdentityStore {
  load(thing: string): DeviceIdentity | null
  loadAll(): DeviceIdentity[]
  /** Ends an enrolment that is under way. */
  save(identity: DeviceIdentity): void
  enrolment(thing: string): Enrolment | null
  keep(enrolment: Enrolment): void
}

export function identityStore(dir: string): IdentityStore {
  // A colon is fine in a thing's name and not in a file's name everywhere.
  const folderOf = (thing: string): string => join(dir, encodeURIComponent(thing))
  const open = (folder: string): Storage | null => (existsSync(folder) ? fileStorage(folder) : null)
  const text = (storage: Storage, name: string): string | null => {
    const bytes = storage.read(name)
    return bytes === null ? null : Buffer.from(bytes).toString('utf8')
  }
  const read = (folder: string): DeviceIdentity | null => {
    const storage = open(folder)
    const done = storage && text(storage, DONE)
    if (!storage || !done) return null
    const { thing, certificateArn } = identityFile.parse(JSON.parse(done))
    const [keyPem, certPem] = [text(storage, 'key.pem'), text(storage, 'cert.pem')]
    if (keyPem === null || certPem === null) return null
    return { thing, keyPem, certPem, ...(certificateArn === undefined ? {} : { certificateArn }) }
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
      const storage = fileStorage(folderOf(thing))
      storage.write('key.pem', Buffer.from(keyPem))
      storage.write('cert.pem', Buffer.from(certPem))
      storage.write(DONE, Buffer.from(JSON.stringify({ thing, certificateArn })))
      storage.remove(UNDER_WAY)
    },
    enrolment(thing) {
      const storage = open(folderOf(thing))
      const found = storage && text(storage, UNDER_WAY)
      return found ? enrolmentFile.parse(JSON.parse(found)) : null
    },
    keep: enrolment =>
      fileStorage(folderOf(enrolment.thing)).write(UNDER_WAY, Buffer.from(JSON.stringify(enrolment))),
  }
}

/** Lost with the process. */
export function memoryIdentities(): IdentityStore {
  const done = new Map<string, DeviceIdentity>()
  const underWay = new Map<string, Enrolment>()
  return {
    load: thing => done.get(thing) ?? null,
    loadAll: () => [...done.values()],
    save(identity) {
      done.set(identity.thing, identity)
      underWay.delete(identity.thing)
    },
    enrolment: thing => underWay.get(thing) ?? null,
    keep: enrolment => void underWay.set(enrolment.thing, enrolment),
  }
}
