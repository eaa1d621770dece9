/** What a command of `edgeloop` is, and how its options are read. */
import type { ParseArgsConfig } from 'node:util'
import { parse, UsageError } from '../lib/options.ts'
import type { Paint } from './paint.ts'

/** What a person or a program gets to see. With --json, `data` goes out and nothing else. */
export interface Outcome {
  /** 1: a check failed, a link is broken. */
  readonly exit: 0 | 1
  readonly text: string
  readonly data: Readonly<Record<string, unknown>>
}
export interface Io {
  readonly paint: Paint
  /** Whether a person can answer. */
  readonly interactive: boolean
  /** Progress; never part of the result. */
  note(line: string): void
  ask(question: string): Promise<string>
}
export interface Command {
  readonly help: string
  readonly options: NonNullable<ParseArgsConfig['options']>
  readonly positionals?: boolean
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
  help: { type: 'boolean', short: 'h' },
} as const

/** Throws UsageError for what the command does not know. */
export function readOptions(command: Command, args: readonly string[]): Options {
  const { values, positionals } = parse({
    args: [...args],
    options: { ...command.options, ...shared },
    allowPositionals: command.positionals ?? false,
  })
  const given = values as Readonly<Record<string, string | boolean | readonly string[] | undefined>>
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

/** The cloud did not answer, or did not let us in. */
export class CloudError extends Error {}
