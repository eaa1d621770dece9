/**
 * Writes what follows from the contract of the operators' API: infra/routes.yml and, with the examples of
 * docs/api-examples.json (scripts/api-examples.ts), docs/openapi.json. With --check, only says whether it would.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { routesFile } from './lib/api-routes.ts'
import { openapiDocument } from './lib/openapi/document.ts'
import { readRecordings } from './lib/openapi/examples.ts'
import { parse, run } from './lib/options.ts'

export const openapiText = (): string => `${JSON.stringify(openapiDocument(readRecordings()), null, 1)}\n`

const made = (): ReadonlyMap<string, string> =>
  new Map([
    ['infra/routes.yml', routesFile()],
    ['docs/openapi.json', openapiText()],
  ])
export function writeFiles(): void {
  for (const [path, text] of made()) if (!isSame(path, text)) writeFileSync(at(path), text)
}

async function main(): Promise<number> {
  const { values } = parse({ options: { check: { type: 'boolean' } } })
  if (!values.check) {
    writeFiles()
    return 0
  }
  const stale = [...made()].filter(([path, text]) => !isSame(path, text))
  for (const [path] of stale)
    process.stderr.write(`${path} does not fit src/contracts/api: run node scripts/openapi.ts\n`)
  return stale.length === 0 ? 0 : 1
}

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))
function isSame(path: string, text: string): boolean {
  try {
    return readFileSync(at(path), 'utf8') === text
  } catch {
    return false
  }
}

if (import.meta.main) await run(main)
