import type { Clock } from './ports.ts'

interface Position {
  readonly epoch: number
  readonly counter: number
}
export interface Bodies {
  readonly hello: {
    readonly hardware: string
    readonly runtime: string
    readonly manifest: Position | null
    readonly slots: Readonly<
      Record<string, { readonly active: string | null; readonly previous: string | null }>
    >
    readonly outbox: { readonly queued: number; readonly dropped: number }
  }
  readonly report: {
    readonly slot: string
    readonly manifest: Position
    readonly bundle: string
    readonly rollout?: string
    readonly step: string
    readonly code?: string
    readonly detail?: string
  }
  readonly metrics: {
    readonly slot: string
    readonly bundle: string
    readonly window: number
    readonly inferences: number
    readonly features: Readonly<Record<string, readonly number[]>>
    readonly prediction: readonly number[]
    readonly resets: number
    readonly shadow?: { readonly bundle: string; readonly compared: number; readonly errors: number }
    readonly samples?: Readonly<
      Record<'audit' | 'hard', { readonly chosen: number; readonly dropped: number }>
    >
    readonly historical: boolean
  }
  readonly samples: {
    readonly bundle: string
    readonly samples: readonly {
      readonly eventId: string
      readonly lane: string
      readonly pi: number
      readonly strategy?: string
      readonly policy?: string
    }[]
  }
  readonly ask: {
    readonly corr: string
    readonly have: { readonly root: number; readonly manifest: Position | null }
  }
  readonly blob: {
    readonly corr: string
    readonly digest: string
    readonly offset: number
    readonly length: number
  }
  readonly predict: { readonly corr: string }
}
/** A message that came up, with when it came: lives and connections are counted from 1. */
export type Message = {
  readonly [K in keyof Bodies]: {
    readonly kind: K
    readonly epoch: number
    readonly seq: number
    readonly body: Bodies[K]
    /** As it was published, to compare. */
    readonly text: string
    readonly life: number
    readonly connection: number
    readonly at: number
  }
}[keyof Bodies]
export type MessageOf<K extends keyof Bodies> = Extract<Message, { kind: K }>

export interface Log {
  readonly messages: readonly Message[]
  add(message: Message): void
  of<K extends keyof Bodies>(kind: K): MessageOf<K>[]
  /** The first message, past or to come, for which `find` gives something; null when `ms` have passed. */
  until<T>(find: (message: Message) => T | undefined, ms: number, from?: number): Promise<T | null>
}

export function createLog(clock: Clock): Log {
  const messages: Message[] = []
  const waiting = new Set<(message: Message) => void>()
  return {
    messages,
    add(message) {
      messages.push(message)
      for (const listener of [...waiting]) listener(message)
    },
    of: kind => messages.filter((m): m is MessageOf<typeof kind> => m.kind === kind),
    until<T>(find: (message: Message) => T | undefined, ms: number, from = 0) {
      for (const message of messages.slice(from)) {
        const found = find(message)
        if (found !== undefined) return Promise.resolve(found)
      }
      return new Promise<T | null>(resolve => {
        const end = (value: T | null): void => {
          cancel()
          waiting.delete(look)
          resolve(value)
        }
        const look = (message: Message): void => {
          const found = find(message)
          if (found !== undefined) end(found)
        }
        const cancel = clock.after(ms, () => end(null))
        waiting.add(look)
      })
    },
  }
}
