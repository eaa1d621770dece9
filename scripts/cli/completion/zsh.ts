import type { CompletedCommand, CompletedOption } from './specs.ts'

/** Inside single quotes; brackets and colons mean something to _arguments and _describe. */
const text = (about: string): string => about.replace(/[[\]:\\]/g, '\\$&').replaceAll("'", `'\\''`)
const functionOf = (name: string): string => `_edgeloop_${name.replaceAll(/[ -]/g, '_')}`

/** `_describe` for the words, `_arguments` for each command's options. */
export function zshCompletion(commands: readonly CompletedCommand[]): string {
  const groups = [
    ...new Set(commands.filter(c => c.name.includes(' ')).map(c => c.name.split(' ')[0] as string)),
  ]
  const single = commands.filter(c => !c.name.includes(' '))
  const describe = (what: string, words: readonly (readonly [string, string])[]): string =>
    `  local -a words_\n  words_=(\n${words.map(([word, about]) => `    '${word}:${text(about)}'`).join('\n')}\n  )\n  _describe ${what} words_`
  return `#compdef edgeloop
# zsh completion for edgeloop; to use it: source <(npx edgeloop completion zsh)
${commands.map(commandFunction).join('\n')}
${groups
  .map(group => {
    const members = commands.filter(c => c.name.startsWith(`${group} `))
    const own = single.find(c => c.name === group)
    return `${functionOf(`group ${group}`)}() {
  if (( CURRENT == 2 )); then
${describe(
  'command',
  members.map(c => [c.name.slice(group.length + 1), c.summary]),
).replace(/^/gm, '  ')}
${own === undefined ? '' : `    ${functionOf(own.name)}\n`}    return
  fi
  case $words[2] in
${members.map(c => `    ${c.name.slice(group.length + 1)}) shift words; (( CURRENT-- )); ${functionOf(c.name)} ;;`).join('\n')}
${own === undefined ? '' : `    *) ${functionOf(own.name)} ;;\n`}  esac
}`
  })
  .join('\n')}
_edgeloop() {
  if (( CURRENT == 2 )); then
${describe('command', [
  ...groups.map(g => [g, single.find(c => c.name === g)?.summary ?? `commands of ${g}`] as const),
  ...single.filter(c => !groups.includes(c.name)).map(c => [c.name, c.summary] as const),
]).replace(/^/gm, '  ')}
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
${groups.map(g => `    ${g}) ${functionOf(`group ${g}`)} ;;`).join('\n')}
${single
  .filter(c => !groups.includes(c.name))
  .map(c => `    ${c.name}) ${functionOf(c.name)} ;;`)
  .join('\n')}
  esac
}
(( $+functions[compdef] )) && compdef _edgeloop edgeloop
`
}

function commandFunction({ name, options, positionals }: CompletedCommand): string {
  const places = positionals.map(({ name: what, choices, takes }, i) => {
    const last = i === positionals.length - 1
    return `'${last ? '*' : i + 1}:${what.toLowerCase()}:${action({ choices, takes })}'`
  })
  return `${functionOf(name)}() {
  _arguments -s \\
${[...options.flatMap(optionSpec), ...places].map(line => `    ${line}`).join(' \\\n')}
}`
}

function optionSpec(option: CompletedOption): string[] {
  const value = option.value ? `:${option.name}:${action(option)}` : ''
  const names = [`--${option.name}`, ...(option.short === undefined ? [] : [`-${option.short}`])]
  return names.map(name => `'${option.many ? '*' : ''}${name}[${text(option.about)}]${value}'`)
}

function action({
  choices,
  takes,
}: {
  readonly choices?: readonly string[] | undefined
  readonly takes?: 'file' | 'dir' | undefined
}): string {
  if (choices !== undefined) return `(${choices.join(' ')})`
  return takes === 'dir' ? '_files -/' : takes === 'file' ? '_files' : ' '
}
