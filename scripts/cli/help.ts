/** What --help prints. */
import type { Command } from './command.ts'
import { type Entry, entries } from './registry.ts'

export const EXIT_CODES = `Exit status: 0 fine; 1 a check failed, a link is broken, or what was waited for did not come; 2 wrong usage or
input; 3 the cloud could not be reached or did not let us in; 130 interrupted.`

const GLOBAL = `  --json       one JSON document instead of text, errors too
  --quiet, -q  no notes and no progress; results and errors only
  --wide       tables are not cut to the terminal's width
  --no-color   no colours, as with NO_COLOR=1; FORCE_COLOR=1 asks for them where there is no terminal
  --help, -h   of a command: its options`

const listed = (shown: readonly Entry[]): string => {
  const width = Math.max(...shown.map(({ name }) => name.length))
  return shown.map(e => `  ${e.name.padEnd(width)}  ${e.summary}`).join('\n')
}

/** Of all commands, or of a group's. */
export function overview(group?: string): string {
  const shown = group === undefined ? entries : entries.filter(({ name }) => name.split(' ')[0] === group)
  return `Usage: npx edgeloop ${group === undefined ? '' : `${group} `}COMMAND [options]

${listed(shown)}

${GLOBAL}

${EXIT_CODES}
All commands with examples: docs/cli.md. Runbooks: docs/runbooks/.
`
}

export function helpOf({ name }: Entry, { help, examples }: Command): string {
  return `${help.trimEnd()}

Examples:
${examples.map(example => `  npx edgeloop ${name}${example === '' ? '' : ` ${example}`}`).join('\n')}

Of every command: --json, --quiet, --wide, --no-color; npx edgeloop --help explains them, and the exit status.
`
}
