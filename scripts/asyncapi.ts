/**
 * `node scripts/asyncapi.ts`: writes docs/asyncapi.json, the device contract, from the zod contracts. `--check` writes
 * nothing: exit status 1 when the file is not what the contracts give, or breaks what was released. `--release` makes
 * the present contract the released one, which is a decision: devices in the field are held to it from then on.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { breakingChanges } from './lib/asyncapi/breaking.ts'
import { asyncapiDocument } from './lib/asyncapi/document.ts'
import type { Schema } from './lib/asyncapi/schemas.ts'
import { parse, run } from './lib/options.ts'

const file = (name: string): string => fileURLToPath(new URL(`../docs/${name}`, import.meta.url))
export const CONTRACT_FILE = file('asyncapi.json')
export const RELEASED_FILE = file('asyncapi.released.json')

export const contractText = (): string => `${JSON.stringify(asyncapiDocument(), null, 2)}\n`
const read = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/** What is wrong with the files; empty when nothing is. */
export function faults(contract: string | null, released: string | null, now: string): string[] {
  const found: string[] = []
  if (contract !== now)
    found.push('docs/asyncapi.json is not what src/contracts gives; write it with: node scripts/asyncapi.ts')
  if (released === null) return [...found, 'docs/asyncapi.released.json is missing']
  return [
    ...found,
    ...breakingChanges(JSON.parse(released) as Schema, JSON.parse(now) as Schema).map(
      line => `breaks devices in the field: ${line}`,
    ),
  ]
}

async function main(): Promise<number> {
  const { values } = parse({ options: { check: { type: 'boolean' }, release: { type: 'boolean' } } })
  const now = contractText()
  if (values.check) {
    const found = faults(read(CONTRACT_FILE), read(RELEASED_FILE), now)
    for (const line of found) process.stderr.write(`${line}\n`)
    return found.length === 0 ? 0 : 1
  }
  writeFileSync(CONTRACT_FILE, now)
  if (values.release) writeFileSync(RELEASED_FILE, now)
  return 0
}

if (import.meta.main) await run(main)
