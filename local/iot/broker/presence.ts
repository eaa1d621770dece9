import { randomUUID } from 'node:crypto'
import type { Realm } from '../../core/types.ts'

/** `disconnectReason` values of AWS IoT's lifecycle events that this broker gives. */
export type DisconnectReason =
  | 'AUTH_ERROR'
  | 'CLIENT_ERROR'
  | 'CLIENT_INITIATED_DISCONNECT'
  | 'CONNECTION_LOST'
  | 'DUPLICATE_CLIENTID'
  | 'MQTT_KEEP_ALIVE_TIMEOUT'

export interface PresenceSubject {
  readonly clientId: string
  /** Certificate id. */
  readonly principalIdentifier: string
  readonly ipAddress: string
  /** Given only for certificates attached exclusively, as AWS documents. */
  readonly thingName?: string
}

/** One client's stay: made when it connects. */
export interface Stay {
  disconnected(reason: DisconnectReason): void
}

// "If a client is not connected for approximately one hour, the version number is reset to 0."
const FORGET_AFTER_MS = 3_600_000

/** Publishes `$aws/events/presence/connected|disconnected/{clientId}`. */
export const createPresence = (
  realm: Realm,
  publish: (topic: string, payload: Buffer) => void,
): { connected(subject: PresenceSubject): Stay } => {
  const versions = new Map<string, { version: number; leftAt: number | undefined }>()

  const nextVersion = (clientId: string): number => {
    const now = realm.now().getTime()
    for (const [id, { leftAt }] of versions)
      if (leftAt !== undefined && now - leftAt > FORGET_AFTER_MS) versions.delete(id)
    const version = (versions.get(clientId)?.version ?? -1) + 1
    versions.set(clientId, { version, leftAt: undefined })
    return version
  }
  const emit = (eventType: string, clientId: string, event: Readonly<Record<string, unknown>>) => {
    // "Client IDs that contain # or + do not receive lifecycle events."
    if (/[#+]/.test(clientId)) return
    publish(`$aws/events/presence/${eventType}/${clientId}`, Buffer.from(JSON.stringify(event), 'utf8'))
  }

  return {
    connected: ({ clientId, principalIdentifier, ipAddress, thingName }) => {
      const versionNumber = nextVersion(clientId)
      const sessionIdentifier = randomUUID()
      const common = (eventType: 'connected' | 'disconnected') => ({
        clientId,
        ...(thingName === undefined ? {} : { thingName }),
        timestamp: realm.now().getTime(),
        eventType,
        sessionIdentifier,
        principalIdentifier,
      })
      emit('connected', clientId, { ...common('connected'), ipAddress, versionNumber })
      return {
        disconnected: disconnectReason => {
          const entry = versions.get(clientId)
          if (entry?.version === versionNumber) entry.leftAt = realm.now().getTime()
          emit('disconnected', clientId, {
            ...common('disconnected'),
            clientInitiatedDisconnect: disconnectReason === 'CLIENT_INITIATED_DISCONNECT',
            disconnectReason,
            versionNumber,
          })
        },
      }
    },
  }
}
