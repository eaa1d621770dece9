import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Answer, Life } from '../ports.ts'

/** Lines of its error output that are kept, to say why it ended. */
const TAIL = 5

/**
 * Starts the implementation with a shell, in a process group of its own, and its place in the environment. A power cut
 * is SIGKILL to the whole group.
 */
export function startProcess(
  command: string,
  environment: Readonly<Record<string, string>>,
  /** Gets every line of its error output. */
  trace: (line: string) => void = () => undefined,
): Life {
  const child = spawn('/bin/sh', ['-c', command], {
    detached: true,
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const answers: Answer[] = []
  const tail: string[] = []
  let ended: string | null = null
  let killed = false
  const gone = new Promise<void>(resolve => {
    child.once('error', error => {
      ended = error.message
      resolve()
    })
    child.once('exit', (code, signal) => {
      if (!killed) ended = `exit status ${code ?? signal}; ${tail.join(' | ') || 'no error output'}`
      resolve()
    })
  })
  child.stdin.on('error', () => undefined)
  createInterface({ input: child.stderr }).on('line', line => {
    trace(line)
    tail.push(line.slice(0, 300))
    if (tail.length > TAIL) tail.shift()
  })
  createInterface({ input: child.stdout }).on('line', line => {
    const answer = readAnswer(line)
    if (answer !== null) answers.push(answer)
  })
  return {
    answers,
    ended: () => ended,
    row: values => void child.stdin.write(`${JSON.stringify(values)}\n`),
    async kill() {
      killed = true
      killGroup(child)
      await gone
    },
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // It has ended by itself.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Other lines may be on the output as well. */
function readAnswer(line: string): Answer | null {
  try {
    const { eventId, bundle } = JSON.parse(line) as Partial<Answer>
    return typeof eventId === 'string' && typeof bundle === 'string' ? { eventId, bundle } : null
  } catch {
    return null
  }
}
