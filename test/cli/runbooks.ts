/** The commands that the documents tell people to type. */
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Told {
  readonly file: string
  /** Arguments of each `npx edgeloop …`, in order. */
  readonly lines: readonly (readonly string[])[]
}

/** Lines of the ```sh blocks, continued lines joined, comments taken off. */
export function shellLines(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)].map(match => match[1] ?? '')
  return blocks.flatMap(block =>
    block
      .replaceAll(/\\\n\s*/g, '')
      .split('\n')
      .map(line => line.replace(/(^|\s)#.*$/, '').trim())
      .filter(line => line !== ''),
  )
}

/** Words of a line, without quotes. */
const words = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(m => m[1] ?? m[2] ?? m[3] ?? '')

/** Commands behind `npx edgeloop`, also behind an assignment or a pipe. */
export function commandLines(markdown: string): string[][] {
  return shellLines(markdown).flatMap(line => {
    const at = line.indexOf('npx edgeloop')
    if (at < 0) return []
    const [command = ''] = line.slice(at + 'npx edgeloop'.length).split(/\s(?:\|\|?|&&|>|;)\s/)
    return [words(command)]
  })
}

const ERASE = 'erase.md'
const toldIn = (pattern: string): Told[] =>
  globSync(pattern, { cwd: root })
    .sort()
    .map(path => ({ file: basename(path), lines: commandLines(readFileSync(join(root, path), 'utf8')) }))
    .filter(({ lines }) => lines.length > 0)

/** Of the trust root. What the other commands do in runbooks is seen in test/runbooks. */
export const ceremonies = (): Told[] =>
  toldIn('docs/runbooks/*.md').map(({ file, lines }) => ({
    file,
    lines: lines.filter(([command = '']) => command === 'keys' || command === 'verify'),
  }))
export const erasing = (): Told[] => toldIn(`docs/runbooks/${ERASE}`)
export const allTold = (): Told[] => [...toldIn('*.md'), ...toldIn('docs/**/*.md')]

/** Options that do not change what a command does to the trust root. */
const ASIDE = ['--json', '--yes', '--stage', '--dir', '--out']

/** Command and options, without their values: `keys sign --chain --draft --key`. */
export function shapeOf(args: readonly string[]): string {
  const command = args.slice(0, args[0] === 'keys' ? 2 : 1)
  const options = args.filter(word => word.startsWith('--') && !ASIDE.includes(word))
  return [...command, ...[...new Set(options)].sort()].join(' ')
}
