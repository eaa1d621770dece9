import { createHash } from 'node:crypto'

/** Up to 48 characters like AWS's own, but the same at every start: what was noted of the last one stays good. */
export function stableId(name: string, length: number): string {
  const digest = createHash('sha256').update(name).digest('hex')
  return BigInt(`0x${digest}`).toString(36).slice(0, length)
}
