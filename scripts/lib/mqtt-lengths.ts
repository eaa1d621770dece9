/**
 * mqtt-packet, under aedes and mqtt.js, keeps the encoding of every packet length below 16,384 that it ever wrote:
 * four bytes cut from Node's pool at that moment, so that each pins a whole 64 KB of it. A process that sends
 * messages of many lengths grows by up to 1 GB. Made all at once, they share a few blocks.
 */
import { createRequire } from 'node:module'

type WriteToStream = (packet: object, stream: { write(chunk: unknown): boolean }) => boolean

const CACHED_LENGTHS = 16_384
const TOPIC = 't'
/** Two bytes of length and the topic; shorter packets have fixed lengths and are a handful. */
const LEAST = 2 + TOPIC.length

/** Fills the caches of both libraries, which share one copy of the package or have one each. Takes some 20 ms, once. */
export function packMqttLengths(): void {
  const copies = ['aedes', 'mqtt'].map(name =>
    createRequire(import.meta.resolve(name)).resolve('mqtt-packet'),
  )
  for (const path of new Set(copies)) {
    const { writeToStream } = createRequire(path)(path) as { writeToStream: WriteToStream }
    const payload = Buffer.alloc(CACHED_LENGTHS - LEAST)
    for (let length = 0; length < payload.length; length++)
      writeToStream(
        { cmd: 'publish', topic: TOPIC, payload: payload.subarray(0, length) },
        { write: () => true },
      )
  }
}
