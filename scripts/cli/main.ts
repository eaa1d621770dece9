/** Finds the command, runs it, and turns what comes out into text or JSON and an exit status. */
import { InputError } from '../../src/domain/errors.ts'
import { Refusal } from '../../verifier/refusal.ts'
import { UsageError } from '../lib/options.ts'
import { QueryError } from '../lib/query/engine.ts'
import { CloudError, type Command, type Io, readOptions } from './command.ts'
import { makePaint } from './paint.ts'

export interface Terminal {
  out(text: string): void
  err(text: string): void
  ask(question: string): Promise<string>
  /** Whether a person sits there. */
  readonly interactive: boolean
  readonly colour: { readonly out: boolean; readonly err: boolean }
}

export interface Entry {
  readonly name: string
  readonly summary: string
  /** Loaded when it is called: the commands that work offline need no AWS SDK. */
  readonly load: () => Promise<Command>
}
const entries: readonly Entry[] = [
  {
    name: 'verify',
    summary: "explain a package's chain step by step, as a device checks it",
    load: async () => (await import('./verify.ts')).verify,
  },
  {
    name: 'keys new-root',
    summary: 'make offline root keys',
    load: async () => (await import('./keys-new-root.ts')).newRoot,
  },
  {
    name: 'keys fetch',
    summary: 'fetch the public keys that the stack signs with',
    load: async () => (await import('./keys-fetch.ts')).fetchKeys,
  },
  {
    name: 'keys root',
    summary: 'draft the first or the next trust root',
    load: async () => (await import('./keys-root.ts')).draftRoot,
  },
  {
    name: 'keys sign',
    summary: 'sign a draft with a root key',
    load: async () => (await import('./keys-sign.ts')).signDraft,
  },
  {
    name: 'keys publish',
    summary: 'put a signed draft behind the chain and publish it',
    load: async () => (await import('./keys-publish.ts')).publishDraft,
  },
  {
    name: 'keys show',
    summary: 'show a chain of trust roots',
    load: async () => (await import('./keys-show.ts')).showChain,
  },
  {
    name: 'keys status',
    summary: 'show what devices get, and whether the stack signs with keys that they trust',
    load: async () => (await import('./keys-status.ts')).status,
  },
  {
    name: 'device-test',
    summary: 'test an implementation of the device contract, requirement by requirement',
    load: async () => (await import('./device-test.ts')).deviceTest,
  },
  {
    name: 'lineage',
    summary: 'tell where a prediction, a package or a version comes from',
    load: async () => (await import('./lineage.ts')).lineage,
  },
  {
    name: 'erase',
    summary: 'erase the samples of a device, or one, for good',
    load: async () => (await import('./erase.ts')).eraseCommand,
  },
  {
    name: 'query',
    summary: 'ask the archived windows in SQL: DuckDB here, Athena in AWS',
    load: async () => (await import('./query.ts')).query,
  },
]

const width = Math.max(...entries.map(e => e.name.length))
const HELP = `Usage: npx edgeloop COMMAND [options]

${entries.map(e => `  ${e.name.padEnd(width)}  ${e.summary}`).join('\n')}

  --json   one JSON document instead of text
  --help   of a command: its options

Exit status: 0 fine; 1 a check failed or a link is broken; 2 wrong usage or input; 3 the cloud could not be reached or
did not let us in. Runbooks: docs/runbooks/.
`

/** The command that these arguments begin with. */
export const commandOf = (args: readonly string[]): Entry | undefined =>
  entries.find(({ name }) => name.split(' ').every((word, i) => args[i] === word))

/** @returns the exit status */
export async function edgeloop(args: readonly string[], terminal: Terminal): Promise<number> {
  const entry = commandOf(args)
  if (entry === undefined) return overview(args, terminal)
  const json = args.includes('--json')
  const io: Io = {
    paint: makePaint(!json && terminal.colour.out),
    interactive: !json && terminal.interactive,
    note: line => terminal.err(`${line}\n`),
    ask: question => terminal.ask(question),
  }
  try {
    const command = await entry.load()
    const options = readOptions(command, args.slice(entry.name.split(' ').length))
    if (options.flag('help')) {
      terminal.out(command.help)
      return 0
    }
    const { exit, text, data } = await command.run(options, io)
    terminal.out(json ? `${JSON.stringify(data, null, 2)}\n` : `${text}\n`)
    return exit
  } catch (error) {
    return failed(entry, error as Error, json, terminal)
  }
}

function overview(args: readonly string[], terminal: Terminal): number {
  const asked = args.every(word => ['--help', '-h', 'help', 'keys'].includes(word))
  if (asked) terminal.out(HELP)
  else terminal.err(`edgeloop: there is no command "${args.slice(0, 2).join(' ')}"\n\n${HELP}`)
  return asked ? 0 : 2
}

/** Exit status and code of what a command throws. */
function judge(error: Error): { readonly exit: 1 | 2 | 3; readonly code: string } {
  if (error instanceof UsageError) return { exit: 2, code: 'USAGE' }
  if (error instanceof InputError) return { exit: 2, code: error.reason }
  if (error instanceof CloudError) return { exit: 3, code: 'CLOUD' }
  if (error instanceof Refusal) return { exit: 1, code: error.code }
  if (error instanceof QueryError) return { exit: 1, code: 'QUERY' }
  return { exit: 1, code: 'FAILED' }
}

function failed(entry: Entry, error: Error, json: boolean, terminal: Terminal): number {
  const { exit, code } = judge(error)
  const { message } = error
  if (json) terminal.out(`${JSON.stringify({ error: { code, message } }, null, 2)}\n`)
  else {
    terminal.err(`${makePaint(terminal.colour.err).bad('✗')} ${message}\n`)
    if (exit === 2) terminal.err(`  See npx edgeloop ${entry.name} --help.\n`)
  }
  if (process.env['DEBUG']) terminal.err(`${error.stack}\n`)
  return exit
}
