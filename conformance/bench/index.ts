import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench, Clock, Life, Place, Power } from '../ports.ts'
import { createAuthority, type KeyPair } from './certificates.ts'
import { openOwnBroker } from './own-broker.ts'
import { startProcess } from './process.ts'
import { connectRemote, openRemoteBroker, type RemoteBroker } from './remote-broker.ts'

const clock: Clock = {
  now: () => Date.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}

export interface ProcessBenchOptions {
  /** Run by `/bin/sh -c`, once per life. */
  readonly command: string
  /** A broker that is there already, and what one device is let in with. */
  readonly remote?: RemoteBroker & { readonly thing: string; readonly device: KeyPair }
  /** Gets every line that an implementation writes to its error output. */
  readonly trace?: (thing: string, line: string) => void
}

/**
 * Implementations as processes. What they are given is in their environment: see docs/device-conformance.md. Files and
 * states are in a temporary folder, which `close` removes.
 */
export async function openProcessBench(options: ProcessBenchOptions): Promise<Bench> {
  const { command, remote, trace } = options
  const folder = mkdtempSync(join(tmpdir(), 'device-test-'))
  const authority = await createAuthority('device-test')
  const impostor = await createAuthority('device-test')
  const client = remote === undefined ? null : await connectRemote(remote)
  const lives = new Set<Life>()
  const caPem = remote?.caPem ?? authority.caPem
  const powers: readonly Power[] = client === null ? ['sessions', 'acknowledgements', 'impostor', 'tls'] : []
  const states = new Map<string, number>()
  let opened = 0

  const environment = async (place: Place): Promise<Record<string, string>> => {
    const { thing, fleet, hardware, slot, trustChain, wire } = place
    const dir = join(folder, `${fleet}-${thing.replaceAll(':', '_')}`)
    const state = join(dir, `state-${states.get(dir) ?? 0}`)
    mkdirSync(state, { recursive: true })
    const file = (name: string, content: string | Uint8Array): string => {
      const path = join(dir, name)
      writeFileSync(path, content, { mode: 0o600 })
      return path
    }
    const pair = remote?.device ?? (await authority.client(thing))
    return {
      EDGELOOP_ENDPOINT: wire.endpoint,
      EDGELOOP_CA: file('ca.pem', caPem),
      EDGELOOP_CERT: file('cert.pem', pair.certPem),
      EDGELOOP_KEY: file('key.pem', pair.keyPem),
      EDGELOOP_TRUST_ROOT: file('trust-root.json', trustChain),
      EDGELOOP_THING: thing,
      EDGELOOP_FLEET: fleet,
      EDGELOOP_HARDWARE: hardware,
      EDGELOOP_SLOT: slot,
      EDGELOOP_STATE: state,
    }
  }
  return {
    clock,
    powers: new Set(powers),
    loses: true,
    parallel: client === null,
    thing: index => remote?.thing ?? `unit-${String(index).padStart(3, '0')}`,
    async open(thing, stranger = false) {
      if (client !== null) return openRemoteBroker(client, remote!.endpoint, thing)
      const server = await (stranger ? impostor : authority).server()
      return openOwnBroker(server, authority.caPem)
    },
    async start(place) {
      const life = startProcess(command, await environment(place), line => trace?.(place.thing, line))
      lives.add(life)
      opened++
      return life
    },
    lose({ fleet, thing }) {
      const dir = join(folder, `${fleet}-${thing.replaceAll(':', '_')}`)
      states.set(dir, opened)
    },
    async close() {
      await Promise.all([...lives].map(life => life.kill()))
      await client?.endAsync()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
