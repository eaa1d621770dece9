/** Finds the command, runs it, and turns what comes out into text or JSON and an exit status. */
import { InputError } from '../../src/domain/errors.ts'
import { Refusal } from '../../verifier/refusal.ts'
import { UsageError } from '../lib/options.ts'
import { QueryError } from '../lib/query/engine.ts'
import { ApiProblem } from './api/errors.ts'
import { CloudError, type Io, readOptions } from './command.ts'
import { helpOf, overview } from './help.ts'
import { Interrupted } from './interrupt.ts'
import { didYouMean } from './nearest.ts'
import { makePaint } from './paint.ts'
import { commandOf, type Entry, entries, groups } from './registry.ts'
import { makeScreen } from './screen.ts'
import { plainLines } from './text.ts'

export interface Terminal {
  out(text: string): void
  err(text: string): void
  ask(question: string): Promise<string>
  /** Whether a person sits there. */
  readonly interactive: boolean
  readonly colour: { readonly out: boolean; readonly err: boolean }
  /** Width of each that is a terminal. */
  readonly columns: { readonly out?: number | undefined; readonly err?: number | undefined }
  /** ms since 1970. */
  now(): number
}

/** Home, and everything below it gone; what was above stays in the scroll. */
const TOP_OF_SCREEN = '\u001b[H\u001b[J'

/** What holds before a command is known, so that an error is told in the form that was asked for. */
interface Manner {
  readonly json: boolean
  readonly quiet: boolean
  readonly wide: boolean
  readonly colour: boolean
}
function mannerOf(args: readonly string[]): Manner {
  const own = args.includes('--') ? args.slice(0, args.indexOf('--')) : args
  return {
    json: own.includes('--json'),
    quiet: own.includes('--quiet') || own.includes('-q'),
    wide: own.includes('--wide'),
    colour: !own.includes('--no-color'),
  }
}

/** @returns the exit status */
export async function edgeloop(given: readonly string[], terminal: Terminal): Promise<number> {
  const args = given[0] === 'help' ? [...given.slice(1), '--help'] : given
  const manner = mannerOf(args)
  const entry = commandOf(args)
  if (entry === undefined) return noCommand(args, manner, terminal)
  try {
    const command = await entry.load()
    const options = readOptions(command, args.slice(entry.name.split(' ').length))
    if (options.flag('help')) {
      terminal.out(helpOf(entry, command))
      return 0
    }
    const { exit, text, data } = await command.run(options, ioOf(manner, terminal))
    if (manner.json) terminal.out(`${JSON.stringify(data, null, 2)}\n`)
    else if (text !== '') terminal.out(`${text}\n`)
    return exit
  } catch (error) {
    return failed(entry, error as Error, manner, terminal)
  }
}

function ioOf({ json, quiet, wide, colour }: Manner, terminal: Terminal): Io {
  const { columns } = terminal
  const screen = makeScreen({
    write: text => terminal.err(text),
    columns: columns.err,
    quiet,
    bars: !json,
    now: () => terminal.now(),
  })
  return {
    ...screen,
    paint: makePaint(!json && colour && terminal.colour.out),
    interactive: !json && terminal.interactive,
    width: wide || columns.out === undefined ? Number.POSITIVE_INFINITY : columns.out,
    now: () => terminal.now(),
    ask: question => terminal.ask(question),
    frame(text, data) {
      if (json) {
        if (data !== undefined) terminal.out(`${JSON.stringify(data)}\n`)
      } else if (columns.out === undefined) {
        if (data !== undefined) terminal.out(`${text}\n\n`)
      } else terminal.out(`${TOP_OF_SCREEN}${text}\n`)
    },
  }
}

/** A question about all of them, or about a group; or a name that is none. */
function noCommand(args: readonly string[], { json }: Manner, terminal: Terminal): number {
  const words = args.filter(word => !word.startsWith('-'))
  const [first = '', second] = words
  const group = groups.find(name => name === first)
  if (words.length === 0 || (group !== undefined && second === undefined)) {
    terminal.out(overview(group))
    return 0
  }
  const wrong = words.slice(0, 2).join(' ')
  const names = entries.map(({ name }) => name)
  const among = group === undefined ? [...names, ...groups] : names.filter(n => n.startsWith(`${group} `))
  const hint = didYouMean(wrong, among) || didYouMean(first, among)
  const message = `there is no command "${wrong}".${hint}`
  if (json) terminal.out(`${JSON.stringify({ error: { code: 'USAGE', message } }, null, 2)}\n`)
  else terminal.err(`edgeloop: ${plainLines(message)}\n\n${overview(group)}`)
  return 2
}

/** A request that was wrong, one that does not fit the state of things, or an API that has a fault. */
const exitOf = ({ status }: ApiProblem): 1 | 2 | 3 => (status === 409 ? 1 : status < 429 ? 2 : 3)

/** Exit status and code of what a command throws. */
function judge(error: Error): { readonly exit: 1 | 2 | 3; readonly code: string } {
  if (error instanceof UsageError) return { exit: 2, code: 'USAGE' }
  if (error instanceof InputError) return { exit: 2, code: error.reason }
  if (error instanceof CloudError) return { exit: 3, code: 'CLOUD' }
  if (error instanceof ApiProblem) return { exit: exitOf(error), code: error.code }
  if (error instanceof Refusal) return { exit: 1, code: error.code }
  if (error instanceof QueryError) return { exit: 1, code: 'QUERY' }
  return { exit: 1, code: 'FAILED' }
}

function failed(entry: Entry, error: Error, { json, colour }: Manner, terminal: Terminal): number {
  if (error instanceof Interrupted) return 130
  const { exit, code } = judge(error)
  const { message } = error
  const { field, instance } = error instanceof ApiProblem ? error : { field: undefined, instance: undefined }
  const more = { ...(field === undefined ? {} : { field }), ...(instance === undefined ? {} : { instance }) }
  if (json) terminal.out(`${JSON.stringify({ error: { code, message, ...more } }, null, 2)}\n`)
  else {
    terminal.err(`${makePaint(colour && terminal.colour.err).bad('✗')} ${plainLines(message)}\n`)
    if (exit === 2) terminal.err(`  See npx edgeloop ${entry.name} --help.\n`)
  }
  if (process.env['DEBUG']) terminal.err(`${plainLines(String(error.stack))}\n`)
  return exit
}
