/** `npx edgeloop completion`: a script that makes the shell complete commands, options and their values. */
import { UsageError } from '../lib/options.ts'
import { type Command, oneOf } from './command.ts'
import { bashCompletion } from './completion/bash.ts'
import { fishCompletion } from './completion/fish.ts'
import { completedCommands } from './completion/specs.ts'
import { zshCompletion } from './completion/zsh.ts'

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const
const SHELLS = ['bash', 'zsh', 'fish'] as const

export const completion: Command = {
  help: `Usage: npx edgeloop completion bash|zsh|fish

Prints completions for the shell, made from the commands themselves. In bash, for this session:

  source <(npx edgeloop completion bash)

In zsh the same with zsh; in fish: npx edgeloop completion fish | source. For good, write it to a file that the shell reads.
`,
  examples: ['bash', 'fish'],
  options: {},
  positionals: [{ name: 'SHELL', choices: SHELLS }],
  async run(options) {
    const [given, ...more] = options.positionals
    if (given === undefined || more.length > 0) throw new UsageError(`name one shell: ${SHELLS.join(', ')}`)
    const shell = oneOf('the shell', given, SHELLS)
    const script = shells[shell](await completedCommands())
    return { exit: 0, text: script.trimEnd(), data: { shell, script } }
  },
}
