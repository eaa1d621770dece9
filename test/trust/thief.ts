/** Somebody who has a deployment key. */
import { type KeyObject, sign } from 'node:crypto'
import { PublishCommand } from '@aws-sdk/client-iot-data-plane'
import { iotDataClient } from '../../scripts/lib/stack.ts'
import { topics } from '../../src/contracts/mqtt.ts'
import { Refusal, verifyBeacon, verifyManifest } from '../../verifier/index.ts'
import { FLEET, HARDWARE, type Stack } from './stack.ts'

interface Signed {
  readonly payload: string
  readonly payloadType: string
}
/** A document with other words in its predicate, signed with a key that the thief has, under any key's id. */
export function forge(
  original: Uint8Array,
  words: Record<string, unknown>,
  key: KeyObject,
  keyid: string,
): Buffer {
  const { payload, payloadType } = JSON.parse(Buffer.from(original).toString()) as Signed
  const statement = JSON.parse(Buffer.from(payload, 'base64').toString()) as { predicate: object }
  const bytes = Buffer.from(JSON.stringify({ ...statement, predicate: { ...statement.predicate, ...words } }))
  const pae = Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${bytes.length} `),
    bytes,
  ])
  const sig = sign('sha256', pae, key).toString('base64')
  const signatures = [{ keyid, sig }]
  return Buffer.from(JSON.stringify({ payload: bytes.toString('base64'), payloadType, signatures }))
}

/** What the verifier says to a document with what the device knows; undefined when it holds. */
export function verdict(
  stack: Stack,
  thing: string,
  kind: 'manifest' | 'beacon',
  payload: Uint8Array,
): string | undefined {
  const state = stack.trustOf(thing)
  const place = {
    fleet: FLEET,
    hardware: HARDWARE,
    runtimes: ['edgeloop-wasm'],
    slots: ['main'],
    clock: Date.now(),
  }
  try {
    if (kind === 'manifest') verifyManifest(state, payload, place)
    else verifyBeacon(state, payload, place)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}
/** What a broker's owner could do as well. */
export async function publish(stack: Stack, kind: 'manifest' | 'beacon', payload: Uint8Array): Promise<void> {
  const iot = iotDataClient(stack.config)
  await iot.send(new PublishCommand({ topic: topics[kind](FLEET), payload, qos: 1 }))
  iot.destroy()
}
