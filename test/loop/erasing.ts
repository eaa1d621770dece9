/** Erasing over the world in memory, as the command does it over a stack. */
import { type Asked, erase, look, unfinished } from '../../scripts/lib/erase/erase.ts'
import type { ErasePorts, Kept, VersionedObjects } from '../../scripts/lib/erase/ports.ts'
import { type Found, isEmpty } from '../../scripts/lib/erase/walk.ts'
import type { Erase } from '../../src/domain/lineage/erasure.ts'
import type { Row } from '../../src/domain/store.ts'
import type { World, WorldState } from './world.ts'

export function portsOf(world: World): ErasePorts {
  const deps = world.deps()
  const { quarantine } = world.state
  return {
    store: deps.store,
    quarantine: {
      get: key => quarantine.get(key),
      commit: writes => quarantine.commit(writes),
      async *pages<T>(pk: string, prefix: string) {
        const rows = await quarantine.query<T>(pk, prefix)
        for (let at = 0; at < rows.length; at += 100) yield rows.slice(at, at + 100) as readonly Row<T>[]
      },
    },
    artefacts: versioned(world, world.state.artefacts, deps.artefacts),
    drops: versioned(world, world.state.drops, deps.drops),
  }
}

/** The world keeps one version of a key. */
function versioned(
  world: World,
  map: WorldState['artefacts'],
  objects: Pick<VersionedObjects, 'get' | 'putOnce'>,
): VersionedObjects {
  return {
    ...objects,
    async *versions(prefix) {
      for (const [key, { bytes, versionId }] of [...map]) {
        const kept: Kept = {
          ...{ key, versions: [{ id: versionId, size: bytes.byteLength }], markers: [], present: true },
        }
        if (key.startsWith(prefix)) yield kept
      }
    },
    async replace(key, bytes) {
      map.set(key, { bytes, versionId: `${map.get(key)?.versionId}+` })
      world.effect()
    },
    async remove(key, ids) {
      if (ids.includes(map.get(key)?.versionId ?? '')) map.delete(key)
      world.effect()
    },
  }
}

export const OPERATOR = 'arn:aws:iam::000000000000:user/operator'
export const asked = (world: World, what: Erase, reason = 'its owner asked for it'): Asked => ({
  ...{ model: 'demo', what, reason, by: OPERATOR, now: world.now(), note: () => {} },
})

/** One run of the command that is not asked back; undefined when there is nothing to do. */
export async function runErase(world: World, what: Erase, reason?: string): Promise<Found | undefined> {
  const ports = portsOf(world)
  const order = asked(world, what, reason)
  const found = await look(ports, order)
  if (isEmpty(found) && (await unfinished(ports, 'demo')) === undefined) return undefined
  return erase(ports, order)
}
