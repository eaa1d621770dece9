/** An MQTT broker in memory, as AWS IoT Core is to this project: QoS 1, clean sessions, retained messages. */
import { topics } from '../../../src/contracts/mqtt.ts'
import type { DeviceLink } from '../../../src/domain/ports.ts'

/** A message under way. Whoever schedules decides when it arrives, how often, and whether at all. */
export interface Flight {
  readonly way: 'up' | 'down'
  readonly thing: string
  readonly topic: string
  readonly payload: Uint8Array
  readonly session: Session
  /** Of a message up: the device hears that the broker has it, or that the connection is gone. */
  readonly settle?: { resolve(): void; reject(error: Error): void }
}

/** One connection of a device, from connect to disconnect. */
export interface Session {
  readonly thing: string
  open: boolean
  filters: readonly string[]
  readonly receive: (topic: string, payload: Uint8Array) => void
}

export class Broker {
  flights: Flight[] = []
  readonly retained = new Map<string, Uint8Array>()
  private readonly sessions = new Map<string, Session>()

  connect(thing: string, receive: Session['receive']): Session {
    const session: Session = { thing, open: true, filters: [], receive }
    this.sessions.set(thing, session)
    return session
  }
  /** Nothing more comes down; what was on its way up may be there already or not, and nobody says so. */
  disconnect(session: Session): void {
    session.open = false
    if (this.sessions.get(session.thing) === session) this.sessions.delete(session.thing)
    this.flights = this.flights.filter(f => f.way === 'up' || f.session !== session)
    for (const flight of this.flights)
      if (flight.session === session) flight.settle?.reject(new Error('the connection is gone'))
  }
  subscribe(session: Session, filters: readonly string[]): void {
    session.filters = filters
    for (const [topic, payload] of this.retained)
      if (filters.includes(topic)) this.down(session, topic, payload)
  }
  /** From a device; not there yet. */
  up(session: Session, topic: string, payload: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const { thing } = session
    this.flights.push({ way: 'up', thing, topic, payload, session, settle: { resolve, reject } })
    return promise
  }
  /** From the cloud: at the broker at once, on its way to everyone who is connected and wants it. */
  publish(topic: string, payload: Uint8Array, retain = false): void {
    if (retain) this.retained.set(topic, payload)
    for (const session of this.sessions.values())
      if (wants(session, topic)) this.down(session, topic, payload)
  }
  private down(session: Session, topic: string, payload: Uint8Array): void {
    this.flights.push({ way: 'down', thing: session.thing, topic, payload, session })
  }
  take(flight: Flight): void {
    this.flights = this.flights.filter(other => other !== flight)
  }

  /** As src/adapters/devices.ts publishes. */
  link(): DeviceLink {
    const json = (value: unknown) => Buffer.from(JSON.stringify(value))
    return {
      publishManifest: async (fleet, envelope) => this.publish(topics.manifest(fleet), json(envelope), true),
      publishBeacon: async (fleet, envelope) => this.publish(topics.beacon(fleet), json(envelope), true),
      publishTrust: async chain => this.publish(topics.trust, json({ v: 1, chain }), true),
      answer: async (thing, corr, body) => this.publish(topics.answer(thing, corr), json(body)),
      prediction: async (thing, corr, body) => this.publish(topics.prediction(thing, corr), json(body)),
      block: async (thing, digest, offset, bytes) => this.publish(topics.blob(thing, digest, offset), bytes),
    }
  }
}

const wants = ({ filters }: Session, topic: string): boolean =>
  filters.some(filter => filter === topic || (filter.endsWith('/#') && topic.startsWith(filter.slice(0, -1))))
