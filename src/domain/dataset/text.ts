import { gunzipSync } from 'node:zlib'
import { InputError } from '../errors.ts'
import { MAX_DATASET_BYTES } from './parse.ts'

/** Text of a dropped file; `.gz` is unpacked, with a cap against archives that unpack without end. */
export function datasetText(key: string, bytes: Uint8Array): string {
  const plain = key.endsWith('.gz') ? unpack(bytes) : bytes
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(plain)
  } catch {
    throw new InputError('NOT_UTF8', 'the file is not UTF-8 text', 'file')
  }
}

function unpack(bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_DATASET_BYTES })
  } catch (error) {
    throw new InputError('NOT_GZIP', `the file cannot be unpacked: ${(error as Error).message}`, 'file')
  }
}
