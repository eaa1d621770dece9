/** Child processes of jobs: own process group, output line by line, stop with grace, nothing left behind. */
import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

export interface ChildOptions {
  readonly command: readonly string[]
  readonly cwd: string
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  readonly logFile: string
  readonly onLine: (line: string) => void
}
export interface ChildExit {
  /** Exit code, or 128 + signal number as a shell reports it. */
  readonly code: number
  /** Set when the program could not be started at all. */
  readonly error?: string
}
export interface Child {
  readonly done: Promise<ChildExit>
  /** SIGTERM to the group, SIGKILL after `graceMs`. */
  stop(graceMs: number): void
  kill(): void
}

/** Longer lines are cut into pieces of this many characters. */
const MAX_LINE = 16_384
/** How long output of an escaped grandchild may hold up the end of a job that has exited, in ms. */
const OUTPUT_GRACE_MS = 1_000
const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
}

/** Starts the program; never throws, a program that does not exist shows in `done`. */
export function startChild(options: ChildOptions): Child {
  let child: ReturnType<typeof launch>
  try {
    child = launch(options)
  } catch (error) {
    // spawn throws, instead of emitting, for an empty name or a NUL in an argument or a variable.
    return { done: Promise.resolve({ code: 127, error: String(error) }), stop() {}, kill() {} }
  }
  const log = createWriteStream(options.logFile, { flags: 'a' })
  log.on('error', () => {})
  const onLine = (line: string): void => {
    log.write(`${line}\n`)
    options.onLine(line)
  }
  readLines(child.stdout, onLine)
  readLines(child.stderr, onLine)

  const signal = (name: NodeJS.Signals): void => {
    if (child.pid === undefined) return
    try {
      process.kill(-child.pid, name)
    } catch {
      // The group is gone already.
    }
  }
  let force: NodeJS.Timeout | undefined
  const done = new Promise<ChildExit>(resolve => {
    child.on('error', error => resolve({ code: 127, error: error.message }))
    const finish = (code: number | null, by: NodeJS.Signals | null): void => {
      clearTimeout(force)
      resolve({ code: code ?? 128 + (SIGNALS[by ?? ''] ?? 0) })
    }
    child.on('close', finish)
    child.on('exit', (code, by) => setTimeout(finish, OUTPUT_GRACE_MS, code, by).unref())
  })
  void done.then(() => {
    signal('SIGKILL')
    log.end()
  })
  return {
    done,
    stop(graceMs) {
      signal('SIGTERM')
      force ??= setTimeout(signal, graceMs, 'SIGKILL').unref()
    },
    kill: () => signal('SIGKILL'),
  }
}

function launch({ command, cwd, env }: ChildOptions) {
  const [program = '', ...args] = command
  return spawn(program, args, { cwd, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  stream.on('data', (chunk: Buffer) => {
    rest += decoder.write(chunk)
    const lines = rest.split(/\r?\n/)
    rest = lines.pop() ?? ''
    for (const line of lines) for (const piece of pieces(line)) onLine(piece)
    if (rest.length > MAX_LINE) {
      for (const piece of pieces(rest)) onLine(piece)
      rest = ''
    }
  })
  stream.on('end', () => {
    if (rest !== '') onLine(rest)
  })
}

function pieces(line: string): string[] {
  const found: string[] = []
  for (let at = 0; at === 0 || at < line.length; at += MAX_LINE) found.push(line.slice(at, at + MAX_LINE))
  return found
}
