/** What a shell has to know of the commands, taken from the registry. */
import { type Completes, type OptionSpec, type Positional, shared } from '../command.ts'
import { entries } from '../registry.ts'

export interface CompletedOption extends Completes {
  readonly name: string
  readonly short?: string
  readonly value: boolean
  readonly many: boolean
  /** From the line of the help that begins with it. */
  readonly about: string
}
export interface CompletedCommand {
  readonly name: string
  readonly summary: string
  readonly options: readonly CompletedOption[]
  readonly positionals: readonly Positional[]
}

const SHARED_ABOUT: Readonly<Record<keyof typeof shared, string>> = {
  json: 'one JSON document instead of text',
  quiet: 'no notes and no progress',
  wide: "tables are not cut to the terminal's width",
  'no-color': 'no colours',
  help: 'options of the command',
}

/** Every command with its options, in the registry's order. */
export const completedCommands = (): Promise<CompletedCommand[]> =>
  Promise.all(
    entries.map(async ({ name, summary, load }) => {
      const { options, positionals = [], help } = await load()
      const about = aboutOptions(help)
      const own = Object.entries(options).map(([key, spec]) => completed(key, spec, about.get(key) ?? ''))
      const all = Object.entries(shared).map(([key, spec]) =>
        completed(key, spec, SHARED_ABOUT[key as keyof typeof shared]),
      )
      return { name, summary, positionals, options: [...own, ...all] }
    }),
  )

const completed = (name: string, spec: OptionSpec, about: string): CompletedOption => ({
  name,
  about,
  ...(spec.short === undefined ? {} : { short: spec.short }),
  ...(spec.choices === undefined ? {} : { choices: spec.choices }),
  ...(spec.takes === undefined ? {} : { takes: spec.takes }),
  value: spec.type === 'string',
  many: spec.multiple === true,
})

function aboutOptions(help: string): Map<string, string> {
  const lines = help.matchAll(/^ {2}--([a-z-]+)(?: [A-Z][^ ]*)? {2,}(.*)$/gm)
  return new Map([...lines].map(([, name = '', text = '']) => [name, text]))
}
