/**
 * One application in a process of its own, from file to file: `node child.ts WAY DIR`. Prints processor time in ms and
 * the highest resident memory of the process in MB.
 */
import { closeSync, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { applyTo, type Digest } from '../../delta/index.ts'
import { peakMegabytes } from '../verify/peak.ts'

const [way = '', dir = ''] = process.argv.slice(2)

function source(name: string) {
  const path = join(dir, name)
  const file = openSync(path, 'r')
  return {
    length: statSync(path).size,
    read: (offset: number, length: number): Uint8Array => {
      const bytes = new Uint8Array(length)
      readSync(file, bytes, 0, length, offset)
      return bytes
    },
  }
}

const before = process.cpuUsage()
if (way === 'apply') {
  const out = openSync(join(dir, 'out'), 'w')
  const target: Digest = JSON.parse(readFileSync(join(dir, 'target.json'), 'utf8'))
  const write = (bytes: Uint8Array): void => void writeSync(out, bytes)
  await applyTo({ base: source('base'), delta: source('delta'), target, write })
  closeSync(out)
}
const { user, system } = process.cpuUsage(before)
process.stdout.write(JSON.stringify({ cpu: (user + system) / 1000, rss: peakMegabytes() }))
