#!/usr/bin/env node
/** Starts the command with the Node that this project brings, which runs TypeScript as it is. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const path = name => fileURLToPath(new URL(`../${name}`, import.meta.url))
const node = path('node_modules/.bin/node')
if (!existsSync(node)) {
  process.stderr.write('edgeloop: node_modules/ is missing; run `npm ci` in the project first.\n')
  process.exit(2)
}
const child = spawn(node, [path('scripts/edgeloop.ts'), ...process.argv.slice(2)], { stdio: 'inherit' })
// A terminal sends Ctrl-C to both; a service manager tells the parent only.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.on('error', error => {
  process.stderr.write(`edgeloop: ${node} does not start: ${error.message}\n`)
  process.exitCode = 2
})
child.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 130
})
