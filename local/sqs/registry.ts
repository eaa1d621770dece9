/**
 * The queues of the account and their journal. Queues, sent and deleted messages are on disk at once; receive
 * counts and visibility timeouts are only saved on closing, so that after a crash messages in flight are visible
 * again, which at-least-once delivery allows.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { PolicyDocument, Realm } from '../core/types.ts'
import { openJournal } from '../dynamodb/journal.ts'
import { allowsRedriveFrom, checkAttributes, settingsOf } from './attributes.ts'
import { invalidAttributeValue, invalidParameter, queueDoesNotExist, sqsError } from './errors.ts'
import { assertMessage, type NewMessage } from './message.ts'
import { createQueue, type Queue, type StoredMessage } from './queue.ts'

export interface NamedQueue {
  readonly name: string
  readonly arn: string
  /** Epoch seconds. */
  readonly created: number
  modified: number
  attributes: Readonly<Record<string, string>>
  tags: Readonly<Record<string, string>>
  readonly queue: Queue
}
export interface Registry {
  readonly realm: Realm
  create(name: string, attributes: Readonly<Record<string, unknown>>): NamedQueue
  all(): readonly NamedQueue[]
  find(name: string): NamedQueue | undefined
  /** These two throw QueueDoesNotExist. */
  byArn(arn: string): NamedQueue
  byUrl(url: string): NamedQueue
  urlOf(queue: NamedQueue): string
  /** Replaces the named attributes and keeps the others. */
  setAttributes(queue: NamedQueue, attributes: Readonly<Record<string, unknown>>): void
  /** Replaces all attributes (the policy stays unless it is among them), as a deployment does. */
  replaceAttributes(queue: NamedQueue, attributes: Readonly<Record<string, unknown>>): void
  setTags(queue: NamedQueue, tags: Readonly<Record<string, string>>): void
  remove(queue: NamedQueue): void
  /** `delaySeconds` defaults to the queue's. */
  send(queue: NamedQueue, message: NewMessage, senderId: string, delaySeconds?: number): StoredMessage
  /** Puts a message taken from another queue here as a new one. */
  resend(queue: NamedQueue, message: StoredMessage): void
  policies(queue: NamedQueue): readonly PolicyDocument[]
  /** Names of queues that have this one as dead-letter queue. */
  sourcesOf(arn: string): readonly NamedQueue[]
  close(): void
}

interface JournalLine {
  readonly queue?: Omit<NamedQueue, 'queue' | 'arn'>
  readonly drop?: string
  readonly message?: readonly [queueName: string, message: StoredMessage]
  readonly removed?: readonly [queueName: string, ...ids: string[]]
}

export function openRegistry(realm: Realm): Registry {
  const queues = new Map<string, NamedQueue>()
  const now = () => realm.now().getTime()
  const nowSeconds = () => Math.floor(now() / 1000)
  const arnOf = (name: string) => `arn:aws:sqs:${realm.region}:${realm.accountId}:${name}`
  // Messages are collected before the queues are opened, so that replayed deletions cost no timers.
  const replayed = new Map<
    string,
    { definition: JournalLine['queue'] & {}; messages: Map<string, StoredMessage> }
  >()
  const replay = (entry: unknown) => {
    const { queue, drop, message, removed } = entry as JournalLine
    if (queue !== undefined) {
      const messages = replayed.get(queue.name)?.messages ?? new Map<string, StoredMessage>()
      replayed.set(queue.name, { definition: queue, messages })
    }
    if (drop !== undefined) replayed.delete(drop)
    if (message !== undefined) replayed.get(message[0])?.messages.set(message[1].id, message[1])
    if (removed !== undefined)
      for (const id of removed.slice(1)) replayed.get(removed[0])?.messages.delete(id)
  }
  let opened = false
  function* snapshot(): Iterable<JournalLine> {
    if (!opened) restore()
    for (const named of queues.values()) {
      yield { queue: definitionOf(named) }
      for (const message of named.queue.messages()) yield { message: [named.name, message] }
    }
  }
  const restore = () => {
    opened = true
    for (const { definition, messages } of replayed.values()) {
      const named = open(definition)
      for (const message of messages.values()) named.queue.add({ ...message })
    }
    replayed.clear()
  }
  const open = (definition: Omit<NamedQueue, 'queue' | 'arn'>): NamedQueue => {
    const { name } = definition
    const named: NamedQueue = {
      ...definition,
      arn: arnOf(name),
      queue: createQueue(settingsOf(definition.attributes), {
        now,
        deadLetter: (message, targetArn) => {
          const target = [...queues.values()].find(({ arn }) => arn === targetArn)
          if (target === undefined) return false
          accept(target, { ...message, receivesHere: 0, visibleAt: now(), deadLetterSource: arnOf(name) })
          return true
        },
        removed: ids => {
          if (ids.length > 0) journal.append({ removed: [name, ...ids] })
        },
        onFault: error =>
          realm.log({ level: 'error', service: 'sqs', message: `listener of ${name}: ${String(error)}` }),
      }),
    }
    queues.set(name, named)
    return named
  }
  const accept = (named: NamedQueue, message: StoredMessage) => {
    journal.append({ message: [named.name, message] })
    named.queue.add(message)
  }
  const assertRedrive = (name: string, attributes: Readonly<Record<string, string>>) => {
    const target = settingsOf(attributes).redrive?.deadLetterTargetArn
    if (target === undefined) return
    const found = [...queues.values()].find(({ arn }) => arn === target)
    if (found === undefined)
      throw invalidParameter(
        `Value ${attributes['RedrivePolicy']} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.`,
      )
    if (!allowsRedriveFrom(found.attributes, arnOf(name)))
      throw invalidAttributeValue(
        'RedrivePolicy',
        `The RedriveAllowPolicy of ${target} does not allow this queue.`,
      )
  }
  const configure = (named: NamedQueue, attributes: Readonly<Record<string, string>>) => {
    assertRedrive(named.name, attributes)
    named.attributes = Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ''))
    named.modified = nowSeconds()
    named.queue.settings = settingsOf(named.attributes)
    save(named)
  }
  const save = (named: NamedQueue) => journal.append({ queue: definitionOf(named) })
  const journal = openJournal(join(realm.dir, 'sqs', 'journal.jsonl'), replay, snapshot)

  const registry: Registry = {
    realm,
    create(name, given) {
      assertName(name)
      const attributes = checkAttributes(given)
      assertRedrive(name, attributes)
      const named = open({ name, created: nowSeconds(), modified: nowSeconds(), attributes, tags: {} })
      save(named)
      return named
    },
    all: () => [...queues.values()],
    find: name => queues.get(name),
    byArn(arn) {
      const found = [...queues.values()].find(queue => queue.arn === arn)
      if (found === undefined) throw queueDoesNotExist()
      return found
    },
    byUrl(url) {
      // Host and port are not compared: a URL that was kept over a restart has another port.
      const [account, name = ''] = url.split('/').slice(-2)
      const found = account === realm.accountId ? queues.get(name) : undefined
      if (found === undefined) throw queueDoesNotExist()
      return found
    },
    urlOf: ({ name }) => `${realm.endpoint}/${realm.accountId}/${name}`,
    setAttributes: (named, given) => configure(named, { ...named.attributes, ...checkAttributes(given) }),
    replaceAttributes(named, given) {
      const policy = named.attributes['Policy']
      configure(named, { ...(policy === undefined ? {} : { Policy: policy }), ...checkAttributes(given) })
    },
    setTags(named, tags) {
      named.tags = tags
      save(named)
    },
    remove(named) {
      journal.append({ drop: named.name })
      named.queue.close()
      queues.delete(named.name)
    },
    send(named, message, senderId, delaySeconds = named.queue.settings.delay) {
      assertMessage(message, named.queue.settings.maximumMessageSize)
      const sentAt = now()
      const stored: StoredMessage = {
        ...message,
        id: randomUUID(),
        senderId,
        sentAt,
        visibleAt: sentAt + delaySeconds * 1000,
        firstReceivedAt: undefined,
        receiveCount: 0,
        receivesHere: 0,
        deadLetterSource: undefined,
      }
      accept(named, stored)
      return stored
    },
    resend(named, { body, attributes, systemAttributes, senderId }) {
      registry.send(named, { body, attributes, systemAttributes }, senderId, 0)
    },
    policies: ({ queue }) => (queue.settings.policy === undefined ? [] : [queue.settings.policy]),
    sourcesOf: arn =>
      [...queues.values()].filter(({ queue }) => queue.settings.redrive?.deadLetterTargetArn === arn),
    close() {
      for (const { queue } of queues.values()) queue.close()
      journal.compact()
      journal.close()
    },
  }
  return registry
}

function assertName(name: string): void {
  if (name.endsWith('.fifo'))
    throw sqsError(
      'UnsupportedOperation',
      `FIFO queues do not exist in the local cloud: ${name}. Use a standard queue.`,
    )
  if (!/^[A-Za-z0-9_-]{1,80}$/.test(name))
    throw invalidParameter(
      `Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length: ${name.slice(0, 100)}`,
    )
}

const definitionOf = ({ name, created, modified, attributes, tags }: NamedQueue) => ({
  name,
  created,
  modified,
  attributes,
  tags,
})
