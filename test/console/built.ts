/** The console, built for one file of tests: several run at a time. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildConsole } from '../../scripts/console.ts'

let dir: string | undefined
export async function build(): Promise<string> {
  dir ??= mkdtempSync(join(tmpdir(), 'edgeloop-console-'))
  const made = dir
  process.once('exit', () => rmSync(made, { recursive: true, force: true }))
  await buildConsole(made)
  return made
}
export function builtConsole(): string {
  if (dir === undefined) throw new Error('build() first')
  return dir
}
