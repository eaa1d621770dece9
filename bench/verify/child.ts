/**
 * One verification in a process of its own: `node child.ts WAY DIR`. Prints wall and processor time in ms from the
 * first look at the file to the verdict, and the highest resident memory of the process in MB.
 */
import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { archiveFile } from '../../device/storage/archive-file.ts'
import { type Digester, plainDigester, threadedDigester } from '../../device/storage/digests.ts'
import { pinnedKey, verifyPackage } from '../../verifier/index.ts'
import { verifyStoredPackage } from '../../verifier/package-stored.ts'
import type { Claims } from './packages.ts'
import { peakMegabytes } from './peak.ts'

const [way = '', dir = ''] = process.argv.slice(2)
const path = join(dir, 'package.tar')
const claims = (): Claims => JSON.parse(readFileSync(join(dir, 'claims.json'), 'utf8'))

function checks() {
  const { release, slot, hardware, key } = claims()
  const modelKeys = new Map([[release.model, pinnedKey(key)]])
  return { bundle: readFileSync(join(dir, 'bundle.json')), release, slot, hardware, modelKeys }
}

function onePass(): void {
  const hash = createHash('sha256')
  const file = openSync(path, 'r')
  const buffer = Buffer.allocUnsafeSlow(65_536)
  for (let n = readSync(file, buffer); n > 0; n = readSync(file, buffer)) hash.update(buffer.subarray(0, n))
  closeSync(file)
  if (hash.digest('hex') !== claims().release.package.sha256) throw new Error('another digest')
}

async function stored(digester: Digester): Promise<void> {
  const archive = archiveFile(path, digester)
  await verifyStoredPackage({ ...checks(), archive })
  archive.close()
}

let digester: Digester | null = null
if (way === 'ready-thread') {
  digester = threadedDigester()
  await wait(150)
}
const ways: Readonly<Record<string, () => Promise<void> | void>> = {
  nothing: () => undefined,
  'one-pass': onePass,
  memory: () => void verifyPackage({ ...checks(), archive: readFileSync(path) }),
  'one-thread': () => stored(plainDigester()),
  'two-threads': () => {
    digester = threadedDigester()
    return stored(digester)
  },
  'ready-thread': () => stored(digester!),
}
const before = process.cpuUsage()
const start = performance.now()
await ways[way]!()
const wall = performance.now() - start
const { user, system } = process.cpuUsage(before)
await digester?.close()
const rss = peakMegabytes()
process.stdout.write(JSON.stringify({ wall, cpu: (user + system) / 1000, rss }))
