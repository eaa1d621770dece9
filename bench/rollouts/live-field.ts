/** A part of the field in a process of its own: `node live-field.ts OPTIONS.json`, told to stop by SIGTERM. */
import { readFileSync } from 'node:fs'
import { startField } from '../../device/field.ts'
import { identityStore } from '../../device/identity.ts'

interface Options {
  readonly endpoint: { readonly host: string; readonly port: number; readonly caPem: string }
  readonly identities: string
  readonly things: readonly string[]
  readonly trustRoot: string
  readonly fleet: string
  readonly hardware: string
  readonly slot: string
  readonly connectsPerSecond: number
}
const options = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Options
const store = identityStore(options.identities)
const field = startField({
  endpoint: options.endpoint,
  devices: options.things.map(thing => {
    const identity = store.load(thing)
    if (identity === null) throw new Error(`${thing} has no identity`)
    return identity
  }),
  trustRoot: Buffer.from(options.trustRoot, 'base64'),
  ...{ fleet: options.fleet, hardware: options.hardware, slots: [options.slot], storage: 'memory' },
  connectsPerSecond: options.connectsPerSecond,
})
const tell = setInterval(() => {
  const states = field.states()
  const versions: Record<string, number> = {}
  for (const { version } of states) versions[String(version)] = (versions[String(version)] ?? 0) + 1
  const online = states.filter(s => s.online).length
  const refused = states.reduce((sum, s) => sum + s.refused, 0)
  process.send?.({ online, versions, refused, rss: process.memoryUsage.rss() })
}, 250)
process.on('SIGTERM', () => {
  clearInterval(tell)
  void field.stop().then(() => process.exit(0))
})
