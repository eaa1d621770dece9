import type { TLSSocket } from 'node:tls'
import type { Client } from 'aedes'
import type { Realm } from '../../core/types.ts'
import { fingerprint } from '../ca/authority.ts'
import type { Registry } from '../registry.ts'
import { type Authorizer, createAuthorizer } from './authorizer.ts'
import { createDelivered, type Delivered } from './delivered.ts'
import type { ConnectionIdentity } from './identity.ts'
import { MAX_CLIENT_ID_BYTES, publishFault, type WirePacket } from './limits.ts'
import type { DisconnectReason, Stay } from './presence.ts'

/** What the broker knows about one authenticated connection. */
export interface Session {
  readonly client: Client
  readonly identity: ConnectionIdentity
  readonly authorize: Authorizer
  /** Topic filters granted on this connection. */
  readonly filters: Set<string>
  readonly delivered: Delivered
  /** Set by whatever ends the connection first; the lifecycle event tells it. */
  reason: DisconnectReason | undefined
  stay: Stay | undefined
}

/** A CONNECT that is refused; `returnCode` goes into the CONNACK. */
export interface Refusal {
  readonly returnCode: 2 | 5
  readonly message: string
}
const NOT_AUTHORIZED = 5
const IDENTIFIER_REJECTED = 2

/** The other end of a TLS connection. */
export interface Peer {
  readonly certificateId: string | undefined
  readonly sourceIp: string
}

/** To be read as soon as the handshake is over: a socket that is closed no longer knows its peer. */
export const peerOf = (socket: TLSSocket): Peer => {
  const certificate = socket.getPeerCertificate(false) as { readonly raw?: Buffer } | null
  return {
    certificateId: certificate?.raw ? fingerprint(certificate.raw) : undefined,
    sourceIp: socket.remoteAddress ?? '',
  }
}

/** Checks a connection's certificate, client id, will and `iot:Connect`; returns its session or why there is none. */
export const openSession = (
  realm: Realm,
  registry: Registry,
  client: Client,
  peer: Peer,
  will: WirePacket | undefined,
): Session | Refusal => {
  const refuse = (message: string): Refusal => ({ returnCode: NOT_AUTHORIZED, message })
  const { certificateId, sourceIp } = peer
  if (certificateId === undefined) return refuse('no client certificate was presented')
  const known = registry.certificates.get(certificateId)
  if (!known) return refuse(`certificate ${certificateId} is not registered`)
  if (known.status !== 'ACTIVE') return refuse(`certificate ${certificateId} is ${known.status}`)
  // By the machine's clock, as TLS itself would check it.
  if (known.notAfter < Date.now()) return refuse(`certificate ${certificateId} has expired`)
  if (Buffer.byteLength(client.id, 'utf8') > MAX_CLIENT_ID_BYTES)
    return {
      returnCode: IDENTIFIER_REJECTED,
      message: `the client id is longer than ${MAX_CLIENT_ID_BYTES} bytes`,
    }
  const fault = will && publishFault(will.topic ?? '', will.payload ?? '', will.qos ?? 0)
  if (fault) return refuse(`the last will is not allowed: ${fault}`)
  const identity = { certificateId, clientId: client.id, sourceIp }
  const authorize = createAuthorizer(realm, registry, identity)
  if (!authorize('iot:Connect', client.id))
    return refuse(`iot:Connect is denied for client id ${client.id} with certificate ${certificateId}`)
  return {
    client,
    identity,
    authorize,
    filters: new Set(),
    delivered: createDelivered(),
    reason: undefined,
    stay: undefined,
  }
}

export const isRefusal = (result: Session | Refusal): result is Refusal => 'returnCode' in result
