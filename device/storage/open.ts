import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { OpenFile } from '../ports.ts'

/** Opens a file to read it in pieces; pieces of up to 64 KiB share one buffer. @throws Error ENOENT */
export function openFile(path: string): OpenFile {
  const file = openSync(path, 'r')
  const shared = Buffer.allocUnsafeSlow(65_536)
  return {
    length: fstatSync(file).size,
    read(offset, length) {
      const piece = length <= shared.length ? shared.subarray(0, length) : Buffer.allocUnsafeSlow(length)
      for (let at = 0; at < length; ) {
        const count = readSync(file, piece, at, length - at, offset + at)
        if (count === 0) throw new Error(`the file ends at ${offset + at}`)
        at += count
      }
      return piece
    },
    close: () => closeSync(file),
  }
}
