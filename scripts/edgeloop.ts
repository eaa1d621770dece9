/** `npx edgeloop`: the command in this process's terminal, for people and (with --json) for programs. */
import { createInterface } from 'node:readline/promises'
import { Interrupted, interrupted } from './cli/interrupt.ts'
import { edgeloop } from './cli/main.ts'
import { wantsColour } from './cli/paint.ts'

/** 128 and SIGPIPE's number: what a shell says of any program whose reader went away. */
const PIPE_CLOSED = 141

for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? PIPE_CLOSED : 1))

let stopping = false
for (const [signal, exit] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.on(signal, () => {
    // The second time somebody means it.
    if (stopping) process.exit(exit)
    stopping = true
    void interrupted().finally(() => process.exit(exit))
  })

async function ask(question: string): Promise<string> {
  const prompt = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return await new Promise<string>((resolve, reject) => {
      // A prompt takes Ctrl-C from the terminal itself, and at the end of the input no answer comes.
      const stop = () => {
        process.stdout.write('\n')
        reject(new Interrupted())
      }
      prompt.once('SIGINT', stop).once('close', stop)
      prompt.question(question).then(resolve, reject)
    })
  } finally {
    prompt.removeAllListeners('close').close()
  }
}

process.exitCode = await edgeloop(process.argv.slice(2), {
  out: text => {
    process.stdout.write(text)
  },
  err: text => {
    process.stderr.write(text)
  },
  ask,
  interactive: process.stdin.isTTY === true && process.stdout.isTTY === true,
  colour: { out: wantsColour(process.stdout), err: wantsColour(process.stderr) },
  columns: {
    out: process.stdout.isTTY ? process.stdout.columns : undefined,
    err: process.stderr.isTTY ? process.stderr.columns : undefined,
  },
  now: () => Date.now(),
})
