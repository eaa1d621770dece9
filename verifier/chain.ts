import { MAX_DOCUMENT_BYTES } from './documents.ts'
import { parseUntrustedJson } from './json.ts'
import { refuseAs } from './refusal.ts'
import { fields, list, ShapeError } from './shape.ts'

/**
 * Takes the published chain of trust roots apart: `{"v":1,"chain":[envelope, …]}`.
 * @returns each link's envelope, for `walkChain`
 * @throws Refusal ROOT_MALFORMED
 */
export function openChain(bytes: Uint8Array): Uint8Array[] {
  return refuseAs('ROOT_MALFORMED', () => {
    const value = parseUntrustedJson(bytes, { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 8 })
    const { v, chain } = fields(value, 'trust chain', ['v', 'chain'])
    if (v !== 1) throw new ShapeError('trust chain.v', '1')
    return list(chain, 'trust chain.chain', 1, 256, link => Buffer.from(JSON.stringify(link)))
  })
}
