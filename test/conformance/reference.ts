import type { Answer, Bench, Place } from '../../conformance/ports.ts'
import type { Device, startDevice } from '../../device/agent.ts'
import { type Clock, type ModelRuntime, type Storage, silent } from '../../device/ports.ts'
import type { memoryStorage } from '../../device/storage/memory.ts'
import { type MemoryWire, memoryWire } from './memory-wire.ts'
import type { Simulation } from './simulation.ts'

/** The agent's own modules, or a broken copy of them. */
export interface Agent {
  readonly startDevice: typeof startDevice
  readonly memoryStorage: typeof memoryStorage
  readonly wasmRuntime: ModelRuntime
}
export class PowerCut extends Error {}

/** The reference device in this process, in simulated time, on disks that outlive its lives. */
export function simulatedBench(simulation: Simulation, agent: Agent): Bench {
  const { clock } = simulation
  const wires = new Map<string, MemoryWire>()
  const disks = new Map<string, Storage>()
  const diskOf = (thing: string): Storage => {
    const disk = disks.get(thing) ?? agent.memoryStorage()
    disks.set(thing, disk)
    return disk
  }
  return {
    clock,
    powers: new Set(['sessions', 'acknowledgements']),
    loses: true,
    async open(thing) {
      const wire = memoryWire(thing, clock)
      wires.set(thing, wire)
      return wire
    },
    lose: ({ thing }) => void disks.delete(thing),
    thing: index => `unit-${index}`,
    parallel: true,
    close: async () => undefined,
    async start({ thing, fleet, hardware, slot, trustChain }: Place) {
      let dead = false
      const disk = diskOf(thing)
      const powered =
        <A extends unknown[], R>(work: (...args: A) => R) =>
        (...args: A): R => {
          if (dead) throw new PowerCut()
          return work(...args)
        }
      // A new one at each start: what is remembered of a disk in memory does not outlive a power cut.
      const storage: Storage = {
        ...disk,
        write: powered(disk.write),
        append: powered(disk.append),
        promote: powered(disk.promote),
        remove: powered(disk.remove),
      }
      const mine: Clock = {
        ...clock,
        after: (ms, call) =>
          clock.after(ms, () => {
            if (!dead) call()
          }),
      }
      const transport = wires.get(thing)!.attach(simulation.random)
      const { chain } = JSON.parse(Buffer.from(trustChain).toString()) as { chain: object[] }
      const device: Device = agent.startDevice({
        ...{ thing, fleet, hardware, slots: [slot], transport, storage, clock: mine, log: silent },
        ...{ random: simulation.random, runtime: agent.wasmRuntime },
        trustRoot: Buffer.from(JSON.stringify(chain[0])),
      })
      const answers: Answer[] = []
      return {
        answers,
        ended: () => null,
        row(values) {
          if (dead) return
          const { eventId, bundle } = device.infer(slot, values)
          answers.push({ eventId, bundle })
        },
        async kill() {
          dead = true
          transport.cut()
        },
      }
    },
  }
}
