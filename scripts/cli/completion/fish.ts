import type { CompletedCommand } from './specs.ts'

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", `\\'`)}'`

/** One `complete` per word and option; two conditions say which command the line has come to. */
export function fishCompletion(commands: readonly CompletedCommand[]): string {
  const groups = [
    ...new Set(commands.filter(c => c.name.includes(' ')).map(c => c.name.split(' ')[0] as string)),
  ]
  const single = commands.filter(c => !c.name.includes(' ') && !groups.includes(c.name))
  const word = (condition: string, name: string, about: string): string =>
    `complete -c edgeloop -f -n ${quoted(condition)} -a ${quoted(name)} -d ${quoted(about)}`
  return `# fish completion for edgeloop; to use it: npx edgeloop completion fish | source
function __edgeloop_words
    set -l found
    for word in (commandline -opc)[2..-1]
        string match -q -- '-*' $word; or set -a found $word
    end
    string join ' ' -- $found
end
function __edgeloop_none
    test -z (__edgeloop_words | string collect)
end
function __edgeloop_is
    string match -q -r -- "^$argv[1]( |\\$)" (__edgeloop_words)
end
function __edgeloop_only
    test (__edgeloop_words | string collect) = "$argv[1]"
end
complete -c edgeloop -f
${[
  ...single.map(c => word('__edgeloop_none', c.name, c.summary)),
  ...groups.map(g =>
    word('__edgeloop_none', g, commands.find(c => c.name === g)?.summary ?? `commands of ${g}`),
  ),
  ...commands
    .filter(c => c.name.includes(' '))
    .map(c => {
      const [group = '', name = ''] = c.name.split(' ')
      return word(`__edgeloop_only ${group}`, name, c.summary)
    }),
  ...commands.flatMap(commandLines),
].join('\n')}
`
}

function commandLines({ name, options, positionals }: CompletedCommand): string[] {
  const when = `-n ${quoted(`__edgeloop_is ${quoted(name)}`)}`
  const own = options.map(option => {
    const values =
      option.choices !== undefined
        ? ` -x -a ${quoted(option.choices.join(' '))}`
        : option.takes === 'file'
          ? ' -r -F'
          : option.takes === 'dir'
            ? ` -x -a '(__fish_complete_directories)'`
            : option.value
              ? ' -x'
              : ''
    const short = option.short === undefined ? '' : ` -s ${option.short}`
    return `complete -c edgeloop ${when} -l ${option.name}${short}${values} -d ${quoted(option.about)}`
  })
  const places = positionals.flatMap(({ choices, takes }) =>
    choices !== undefined
      ? [`complete -c edgeloop -f ${when} -a ${quoted(choices.join(' '))}`]
      : takes === undefined
        ? []
        : [`complete -c edgeloop -F ${when}`],
  )
  return [...own, ...places]
}
