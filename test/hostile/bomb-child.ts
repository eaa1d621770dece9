/** Unpacks an archive that says it holds 400 MB of zeros, and prints the highest resident memory before and after, in MB. */
import { gzipSync } from 'node:zlib'
import { peakMegabytes } from '../../bench/verify/peak.ts'
import { EdgeloopError } from '../../src/domain/errors.ts'
import { extractTarGz } from '../../src/domain/package/extract.ts'

const megabyte = gzipSync(Buffer.alloc(1_048_576))
const archive = Buffer.concat(Array.from({ length: 400 }, () => megabyte))
const before = peakMegabytes()
let outcome = 'read'
try {
  extractTarGz(archive)
} catch (error) {
  outcome = error instanceof EdgeloopError ? `${error.code}: ${error.message}` : String(error)
}
process.stdout.write(JSON.stringify({ outcome, bytes: archive.length, before, after: peakMegabytes() }))
