/** Colours for a terminal; plain text for everything else. */
export interface Paint {
  good(text: string): string
  bad(text: string): string
  warn(text: string): string
  bold(text: string): string
  dim(text: string): string
}

export function makePaint(colour: boolean): Paint {
  const code = (open: number, close: number) => (text: string) =>
    colour ? `\u001b[${open}m${text}\u001b[${close}m` : text
  return {
    good: code(32, 39),
    bad: code(31, 39),
    warn: code(33, 39),
    bold: code(1, 22),
    dim: code(2, 22),
  }
}

/** https://force-color.org over https://no-color.org over what the stream is. */
export function wantsColour(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  const { FORCE_COLOR: force, NO_COLOR: none, TERM: term } = env
  if (force) return force !== '0' && force !== 'false'
  return stream.isTTY === true && !none && term !== 'dumb'
}

/** First twelve digits: enough to tell keys and digests apart, and to read them out. */
export const short = (digest: string): string => `${digest.slice(0, 12)}…`

/** As wide as the terminal, within what reads well. */
const columns = (): number => Math.max(60, Math.min(100, process.stdout.columns ?? 100))

/** Breaks a text without colours into lines of at most `width`, each after the first indented. */
export function wrap(text: string, indent: string, width = columns()): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join(`\n${indent}`)
}
