import { join } from 'node:path'
import type { Realm } from '../../core/types.ts'
import { createJsonFile, readJsonFile } from '../json-file.ts'

export interface RetainedMessage {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1
  /** Milliseconds since the epoch. */
  readonly lastModifiedTime: number
}

/** Retained messages, one a topic, kept in a file. */
export interface RetainedStore {
  /** Keeps the message; one without payload removes what was kept. */
  put(topic: string, payload: Buffer, qos: 0 | 1): void
  get(topic: string): RetainedMessage | undefined
  list(): readonly RetainedMessage[]
  flush(): Promise<void>
}

type Saved = Omit<RetainedMessage, 'payload'> & { readonly payload: string }

export const openRetainedStore = (realm: Realm): RetainedStore => {
  const file = join(realm.dir, 'iot', 'retained.json')
  const saved = (readJsonFile(file) ?? []) as readonly Saved[]
  const messages = new Map<string, RetainedMessage>(
    saved.map(entry => [entry.topic, { ...entry, payload: Buffer.from(entry.payload, 'base64') }]),
  )
  const snapshot = (): readonly Saved[] =>
    [...messages.values()].map(entry => ({ ...entry, payload: entry.payload.toString('base64') }))
  const json = createJsonFile(file, snapshot, error =>
    realm.log({
      level: 'error',
      service: 'iot',
      message: `cannot write retained messages: ${String(error)}`,
    }),
  )
  return {
    put: (topic, payload, qos) => {
      if (payload.length === 0) messages.delete(topic)
      else messages.set(topic, { topic, payload, qos, lastModifiedTime: realm.now().getTime() })
      json.save()
    },
    get: topic => messages.get(topic),
    list: () => [...messages.values()],
    flush: () => json.flush(),
  }
}
