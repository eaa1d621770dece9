import { type Baseline, baseline } from '../../contracts/packages.ts'
import type { Objects } from '../ports.ts'
import { blobKey } from '../training/assemble.ts'

const MAX_BYTES = 1024 * 1024

/** A version's baseline from the artefact bucket. */
export async function readBaseline(
  { artefacts }: { readonly artefacts: Pick<Objects, 'get'> },
  digest: string,
): Promise<Baseline> {
  const { bytes } = await artefacts.get(blobKey(digest), { maxBytes: MAX_BYTES })
  return baseline.parse(JSON.parse(new TextDecoder().decode(bytes)))
}
