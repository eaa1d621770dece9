import type { StoredArchive } from '../../verifier/package-stored.ts'
import type { Digester } from './digests.ts'
import { openFile } from './open.ts'

/** A package archive in a file, for `verifyStoredPackage`. @throws Error ENOENT */
export function archiveFile(path: string, digester: Digester): StoredArchive & { close(): void } {
  return { ...openFile(path), digests: parts => digester.digests(path, parts) }
}
