import type { CompletedCommand } from './specs.ts'

const quoted = (words: readonly string[]): string => `'${words.join(' ').replaceAll("'", `'\\''`)}'`

/** Works with bash 3.2, which macOS has: no associative arrays, no mapfile. */
export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const firsts = [...new Set(commands.map(({ name }) => name.split(' ')[0] as string)), 'help']
  const groups = new Map<string, string[]>()
  for (const { name } of commands) {
    const [group = '', word] = name.split(' ')
    if (word !== undefined) groups.set(group, [...(groups.get(group) ?? []), word])
  }
  return `# bash completion for edgeloop; to use it: source <(npx edgeloop completion bash)
_edgeloop() {
  local cur prev first=1 at command='' options='' valued='' place=0 i
  COMPREPLY=()
  cur="\${COMP_WORDS[COMP_CWORD]}"
  prev="\${COMP_WORDS[COMP_CWORD-1]}"
  # bash takes --option=value apart.
  if [ "$cur" = '=' ]; then cur=''; fi
  if [ "$prev" = '=' ]; then prev="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  case "\${COMP_WORDS[0]}" in
    npx | */npx)
      if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W edgeloop -- "$cur")); return; fi
      [ "\${COMP_WORDS[1]}" = edgeloop ] || return
      first=2
      ;;
  esac
  if [ "\${COMP_WORDS[first]}" = help ] && [ "$COMP_CWORD" -gt "$first" ]; then first=$((first + 1)); fi
  if [ "$COMP_CWORD" -eq "$first" ]; then
    COMPREPLY=($(compgen -W ${quoted(firsts)} -- "$cur"))
    return
  fi
  if [ "$COMP_CWORD" -eq "$((first + 1))" ]; then
    case "\${COMP_WORDS[first]}" in
${[...groups].map(([group, words]) => `      ${group}) COMPREPLY=($(compgen -W ${quoted(words)} -- "$cur")) ;;`).join('\n')}
    esac
  fi
  case "\${COMP_WORDS[first]} \${COMP_WORDS[first+1]}" in
${commands
  .filter(c => c.name.includes(' '))
  .map(c => `    '${c.name}') command='${c.name}'; at=$((first + 2)) ;;`)
  .join('\n')}
    *) command="\${COMP_WORDS[first]}"; at=$((first + 1)) ;;
  esac
  [ "$COMP_CWORD" -ge "$at" ] || return
  case "$command" in
${commands.map(optionsOf).join('\n')}
    *) return ;;
  esac
  case "$command $prev" in
${commands.flatMap(valuesOf).join('\n')}
  esac
  case "$cur" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$cur")); return ;;
  esac
  # Which argument it is: words that are neither options nor their values.
  for ((i = at; i < COMP_CWORD; i++)); do
    case " $valued " in
      *" \${COMP_WORDS[i]} "*) if [ "\${COMP_WORDS[i+1]}" = '=' ]; then i=$((i + 1)); fi; i=$((i + 1)) ;;
      *) case "\${COMP_WORDS[i]}" in -*) ;; *) place=$((place + 1)) ;; esac ;;
    esac
  done
  case "$command $place" in
${commands.flatMap(positionalsOf).join('\n')}
  esac
}
complete -o default -F _edgeloop edgeloop
# npx has words of its own to complete; where somebody set that up, it stays.
complete -p npx >/dev/null 2>&1 || complete -o default -F _edgeloop npx
`
}

function optionsOf({ name, options }: CompletedCommand): string {
  const words = options.flatMap(o => [`--${o.name}`, ...(o.short === undefined ? [] : [`-${o.short}`])])
  const valued = options.filter(o => o.value).map(o => `--${o.name}`)
  return `    '${name}') options=${quoted(words)}; valued=${quoted(valued)} ;;`
}

function valuesOf({ name, options }: CompletedCommand): string[] {
  return options.flatMap(option => {
    if (!option.value) return []
    const from =
      option.choices !== undefined
        ? `-W ${quoted(option.choices)}`
        : option.takes === 'dir'
          ? '-d'
          : option.takes === 'file'
            ? '-f'
            : undefined
    const reply = from === undefined ? '' : ` COMPREPLY=($(compgen ${from} -- "$cur"));`
    return [`    '${name} --${option.name}')${reply} return ;;`]
  })
}

function positionalsOf({ name, positionals }: CompletedCommand): string[] {
  return positionals.flatMap(({ choices }, i) =>
    choices === undefined
      ? []
      : [`    '${name} ${i}') COMPREPLY=($(compgen -W ${quoted(choices)} -- "$cur")) ;;`],
  )
}
