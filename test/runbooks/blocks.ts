/** The commands of a runbook, as they stand there. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface Block {
  /** Line of the fence in the file. */
  readonly line: number
  readonly script: string
  /** What is said between the block before and this one: it may name the value of a parameter. */
  readonly before: string
}

const root = fileURLToPath(new URL('../../', import.meta.url))

export const blocksOf = (runbook: string): readonly Block[] =>
  blocksIn(readFileSync(`${root}docs/runbooks/${runbook}.md`, 'utf8'), runbook)

/** Every block that is fenced with `sh`, in order, without its indentation. Throws for a fence of another shell. */
export function blocksIn(text: string, runbook: string): readonly Block[] {
  const other = /^ *```(bash|shell|console|zsh)$/m.exec(text)?.[1]
  if (other !== undefined) throw new Error(`${runbook}: fence commands with sh, not ${other}`)
  const blocks: Block[] = []
  let from = 0
  for (const match of text.matchAll(/^( *)```sh\n([\s\S]*?)^ *```$/gm)) {
    const [, indent = '', body = ''] = match
    blocks.push({
      line: text.slice(0, match.index).split('\n').length,
      script: body
        .split('\n')
        .map(line => (line.startsWith(indent) ? line.slice(indent.length) : line))
        .join('\n'),
      before: text.slice(from, match.index),
    })
    from = match.index + match[0].length
  }
  return blocks
}

/** Puts values in place of the words that a person would replace; assignments of the same name get the value too. */
export function fillIn(script: string, words: Readonly<Record<string, string>>): string {
  let filled = script
  for (const [word, value] of Object.entries(words)) {
    filled = filled.replaceAll(new RegExp(`\\b${word}=[^\\s;]+`, 'g'), `${word}=${value}`)
    filled = filled.replaceAll(new RegExp(`(?<![\\w$\`{])${word}(?![\\w=])`, 'g'), value)
  }
  return filled
}
