/** What a command of `edgeloop` is, and how its options are read. */
import type { ParseArgsConfig } from 'node:util'
import { parse, UsageError } from '../lib/options.ts'
import { didYouMean } from './nearest.ts'
import type { Paint } from './paint.ts'
import type { Screen } from './screen.ts'

/** What a person or a program gets to see. With --json, `data` goes out and nothing else. */
export interface Outcome {
  /** 1: a check failed, a link is broken. */
  readonly exit: 0 | 1
  readonly text: string
  readonly data: Readonly<Record<string, unknown>>
}
export interface Io extends Screen {
  readonly paint: Paint
  /** Whether a person can answer. */
  readonly interactive: boolean
  /** Columns for a table; Infinity where nothing has to be cut. */
  readonly width: number
  now(): number
  ask(question: string): Promise<string>
  /** One picture of several, in place of the one before; with --json its data as one line. Without data nothing is new. */
  frame(text: string, data: Readonly<Record<string, unknown>> | undefined): void
}
/** What a shell may complete. */
export interface Completes {
  readonly choices?: readonly string[]
  readonly takes?: 'file' | 'dir'
}
export type OptionSpec = NonNullable<ParseArgsConfig['options']>[string] & Completes
export interface Positional extends Completes {
  readonly name: string
}
export interface Command {
  readonly help: string
  /** Arguments after the command's name, as one would type them. */
  readonly examples: readonly string[]
  readonly options: Readonly<Record<string, OptionSpec>>
  /** In order; the last stands for all that follow. Without it the command takes none. */
  readonly positionals?: readonly Positional[]
  run(options: Options, io: Io): Promise<Outcome>
}

/** Options of one call; each error names the option. */
export interface Options {
  readonly positionals: readonly string[]
  flag(name: string): boolean
  string(name: string): string | undefined
  required(name: string): string
  strings(name: string): readonly string[]
}

/** Of every command. */
export const shared = {
  json: { type: 'boolean' },
  quiet: { type: 'boolean', short: 'q' },
  wide: { type: 'boolean' },
  'no-color': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Throws UsageError for what the command does not know. */
export function readOptions(command: Command, args: readonly string[]): Options {
  const specs: Readonly<Record<string, OptionSpec>> = { ...command.options, ...shared }
  const { values, positionals } = parsed(specs, args, command.positionals !== undefined)
  const given = values as Readonly<Record<string, string | boolean | readonly string[] | undefined>>
  for (const [name, { choices }] of Object.entries(specs))
    if (choices !== undefined)
      for (const value of [given[name] ?? []].flat())
        if (typeof value === 'string') oneOf(`--${name}`, value, choices)
  const string = (name: string): string | undefined => {
    const value = given[name]
    return typeof value === 'string' ? value : undefined
  }
  return {
    positionals,
    flag: name => given[name] === true,
    string,
    required(name) {
      const value = string(name)
      if (value === undefined) throw new UsageError(`--${name} is needed`)
      return value
    },
    strings(name) {
      const value = given[name]
      return Array.isArray(value) ? (value as string[]) : []
    },
  }
}

function parsed(specs: Readonly<Record<string, OptionSpec>>, args: readonly string[], positionals: boolean) {
  try {
    return parse({ args: [...args], options: { ...specs }, allowPositionals: positionals })
  } catch (error) {
    const unknown = /^Unknown option '--([^']+)'/.exec((error as Error).message)?.[1]
    if (unknown === undefined) throw error
    const names = Object.keys(specs)
    throw new UsageError(
      `Unknown option '--${unknown}'.${didYouMean(unknown, names).replace('mean ', 'mean --')}`,
    )
  }
}

/** @throws UsageError with the nearest of the choices */
export function oneOf<const T extends string>(what: string, value: string, choices: readonly T[]): T {
  const found = choices.find(choice => choice === value)
  if (found !== undefined) return found
  throw new UsageError(
    `${what} must be one of ${choices.join(', ')}, not "${value}".${didYouMean(value, choices)}`,
  )
}

/** The cloud did not answer, or did not let us in. */
export class CloudError extends Error {}
