/** What the kit needs from outside, so that the same scenarios run against real processes and in simulated time. */

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** @returns cancels the call */
  after(ms: number, call: () => void): () => void
}

/** One PUBLISH of the device under test, as the broker got it. */
export interface Seen {
  readonly topic: string
  readonly payload: Uint8Array
  /** Null where the kit is only a client of somebody else's broker and cannot know. */
  readonly qos: number | null
  readonly retain: boolean
}
export interface Connected {
  readonly clientId: string
  readonly cleanSession: boolean
  /** 4 is MQTT 3.1.1. */
  readonly protocolVersion: number
  /** Common name of the client certificate, null where there was none. */
  readonly certificate: string | null
  readonly lastWill: boolean
}

/**
 * What a broker lets the kit do: `sessions` tells of connections and subscriptions, and cuts or refuses connections;
 * `acknowledgements` leaves PUBLISH packets unacknowledged; `impostor` shows a certificate of another authority.
 */
export type Power = 'sessions' | 'acknowledgements' | 'impostor' | 'tls'

/** The broker of one device, from the cloud's side. */
export interface Wire {
  /** Where the device finds it. */
  readonly endpoint: string
  onPublish(listener: (seen: Seen) => void): void
  onConnect(listener: (connected: Connected) => void): void
  onDisconnect(listener: () => void): void
  onSubscribe(listener: (filters: readonly { readonly filter: string; readonly qos: number }[]) => void): void
  /** Delivered if the device is there and subscribes; kept for later if retained. Empty and retained: forgotten. */
  send(topic: string, payload: Uint8Array, retain?: boolean): void
  /** Ends the connection of the device, if there is one. */
  drop(): void
  /** Whether connections are let in; those that are there stay. */
  admit(yes: boolean): void
  /** While true, nothing that the device publishes is taken or acknowledged. */
  stall(yes: boolean): void
  /** Attempts to connect so far, also those that were not let in. */
  attempts(): number
  close(): Promise<void>
}

/** Everything that an implementation is given. */
export interface Place {
  readonly thing: string
  readonly fleet: string
  readonly hardware: string
  readonly slot: string
  /** The first link of the trust chain, as `edgeloop/v1/trust` carries it. */
  readonly trustChain: Uint8Array
  readonly wire: Wire
  readonly rows: boolean
}
/** One life of the implementation, from start to SIGKILL. */
export interface Life {
  /** As a power cut: at once, without a last word. Resolves when it is gone. */
  kill(): Promise<void>
  /** Why it ended by itself; null while it lives or after `kill`. */
  ended(): string | null
  /** A row for the model, when rows are given. */
  row(values: readonly (number | null)[]): void
  /** Answers so far to the rows of this life. */
  readonly answers: readonly Answer[]
}
export interface Answer {
  readonly eventId: string
  /** Digest of the bundle that answered. */
  readonly bundle: string
}

/** An implementation under test, and the brokers that it is tested with. */
export interface Bench {
  readonly clock: Clock
  /** Power to lose the whole storage of a device. */
  readonly loses: boolean
  /** @param impostor with a certificate of an authority that nobody knows: needs the power */
  open(thing: string, impostor?: boolean): Promise<Wire>
  readonly powers: ReadonlySet<Power>
  start(place: Place): Promise<Life>
  /** What is on the disk of this thing is gone. */
  lose(unit: { readonly thing: string; readonly fleet: string }): void
  /** Name of the device of the n-th scenario. */
  thing(index: number): string
  /** Whether scenarios may run beside each other. */
  readonly parallel: boolean
  close(): Promise<void>
}
