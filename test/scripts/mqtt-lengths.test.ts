import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { packMqttLengths } from '../../scripts/lib/mqtt-lengths.ts'

describe('the encoded lengths of MQTT packets', () => {
  it('lie in a few blocks of memory, whatever is allocated between two packets', () => {
    packMqttLengths()
    const { writeToStream } = createRequire(import.meta.resolve('aedes'))('mqtt-packet') as {
      writeToStream: (packet: object, stream: { write(chunk: Buffer): boolean }) => boolean
    }
    const blocks = new Set<ArrayBufferLike>()
    for (let length = 100; length < 16_000; length += 100) {
      Buffer.from('x'.repeat(Buffer.poolSize / 4))
      const written: Buffer[] = []
      writeToStream(
        { cmd: 'publish', topic: 'topic', payload: Buffer.alloc(length) },
        { write: chunk => written.push(chunk) > 0 },
      )
      // Header, remaining length, length of the topic, topic, payload.
      const [, remaining] = written
      expect(remaining).toHaveLength(length + 7 < 128 ? 1 : 2)
      if (remaining) blocks.add(remaining.buffer)
    }
    expect(blocks.size).toBeLessThan(20)
  })
})
