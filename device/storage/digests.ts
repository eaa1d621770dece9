import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'

export interface Part {
  readonly offset: number
  readonly length: number
}

/** Takes SHA-256 digests of parts of files, each byte read from the file and then forgotten. */
export interface Digester {
  /** Lower-case hex, in the order of the parts. */
  digests(path: string, parts: readonly Part[]): Promise<readonly string[]>
  close(): Promise<void>
}

const PIECE = 262_144

/** One part after the other. Other work of this thread goes on between pieces of 256 KiB. */
export const plainDigester = (): Digester => ({
  digests: async (path, parts) => {
    const found: string[] = []
    for (const part of parts) found.push(await digestOf(path, part))
    return found
  },
  close: async () => undefined,
})

/**
 * Two parts at a time: this thread takes the first one, a second thread the others. The second thread starts at once
 * and stays until `close`; it does not keep the process alive.
 */
export function threadedDigester(): Digester {
  const worker = new Worker(`(${digestThread.toString()})()`, { eval: true, execArgv: [] })
  worker.unref()
  const waiting = new Map<number, (answer: Answer) => void>()
  let last = 0
  let broken: Error | null = null
  worker.on('message', (answer: Answer) => waiting.get(answer.id)?.(answer))
  const fall = (error: Error): void => {
    broken = error
    for (const [id, tell] of waiting) tell({ id, error: error.message })
  }
  worker.on('error', fall)
  worker.on('exit', () => fall(new Error('the digest thread has ended')))
  const ask = (path: string, parts: readonly Part[]): Promise<readonly string[]> =>
    new Promise((resolve, reject) => {
      if (broken !== null) {
        reject(broken)
        return
      }
      const id = ++last
      waiting.set(id, answer => {
        waiting.delete(id)
        if (waiting.size === 0) worker.unref()
        if (answer.digests === undefined) reject(new Error(answer.error))
        else resolve(answer.digests)
      })
      worker.ref()
      worker.postMessage({ id, path, parts } satisfies Question)
    })
  return {
    async digests(path, [first, ...others]) {
      if (first === undefined) return []
      const [here, there] = await Promise.all([
        digestOf(path, first),
        others.length > 0 ? ask(path, others) : [],
      ])
      return [here, ...there]
    },
    close: async () => {
      await worker.terminate()
    },
  }
}

/** The next piece is read while this one is hashed. */
async function digestOf(path: string, { offset, length }: Part): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path)
  try {
    const buffers = [Buffer.allocUnsafeSlow(PIECE), Buffer.allocUnsafeSlow(PIECE)] as const
    const read = (at: number, i: number) =>
      file.read(buffers[i & 1]!, 0, Math.min(PIECE, length - at), offset + at)
    let coming = length > 0 ? read(0, 0) : null
    for (let at = 0, i = 0; coming !== null; i++) {
      const { bytesRead } = await coming
      if (bytesRead === 0) throw new Error(`${path} ends at ${offset + at}`)
      at += bytesRead
      coming = at < length ? read(at, i + 1) : null
      hash.update(buffers[i & 1]!.subarray(0, bytesRead))
    }
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

interface Question {
  readonly id: number
  readonly path: string
  readonly parts: readonly Part[]
}
interface Answer {
  readonly id: number
  readonly digests?: readonly string[]
  readonly error?: string
}

/** Runs in the second thread from its text alone, so that a bundler has no second file to find: no imports in here. */
function digestThread(): void {
  const { createHash: hasher } = process.getBuiltinModule('node:crypto')
  const { closeSync, openSync, readSync } = process.getBuiltinModule('node:fs')
  const { parentPort } = process.getBuiltinModule('node:worker_threads')
  const buffer = Buffer.allocUnsafeSlow(131_072)
  const digest = (file: number, { offset, length }: Part): string => {
    const hash = hasher('sha256')
    for (let at = 0; at < length; ) {
      const count = readSync(file, buffer, 0, Math.min(buffer.length, length - at), offset + at)
      if (count === 0) throw new Error(`the file ends at ${offset + at}`)
      hash.update(buffer.subarray(0, count))
      at += count
    }
    return hash.digest('hex')
  }
  parentPort?.on('message', ({ id, path, parts }: Question) => {
    try {
      const file = openSync(path, 'r')
      try {
        parentPort.postMessage({ id, digests: parts.map(part => digest(file, part)) })
      } finally {
        closeSync(file)
      }
    } catch (error) {
      parentPort.postMessage({ id, error: (error as Error).message })
    }
  })
}
