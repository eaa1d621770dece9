import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openProcessBench, type ProcessBenchOptions } from '../../conformance/bench/index.ts'
import { requirements } from '../../conformance/requirements.ts'
import { type Outcome as Result, runConformance } from '../../conformance/runner.ts'
import { UsageError, whole } from '../lib/options.ts'
import type { Command, Io, Options } from './command.ts'
import { onInterrupt } from './interrupt.ts'
import { wrap } from './paint.ts'

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
/** The reference device, as docs/device-conformance.md starts it. */
export const REFERENCE = [
  `exec ${quoted(process.execPath)} ${quoted(path('device/main.ts'))} --stay`,
  ...['endpoint', 'ca', 'cert', 'key', 'thing', 'fleet', 'hardware', 'slot', 'trust-root'].map(
    name => `--${name} "$EDGELOOP_${name.replace('-', '_').toUpperCase()}"`,
  ),
  '--dir "$EDGELOOP_STATE"',
].join(' ')

export const deviceTest: Command = {
  help: `Usage: npx edgeloop device-test [--command "node my-device.js"] [--rows] [--only ID]… [--quick]
       npx edgeloop device-test --mqtt HOST:PORT --ca CA --cert CERT --key KEY
                                --thing NAME --device-cert CERT --device-key KEY --command …
       npx edgeloop device-test --list

Tests an implementation of the device contract (docs/asyncapi.json) from outside: as its broker and its cloud, through
lost, doubled and reordered messages, wrong signatures, power cuts and months offline. One verdict per requirement; exit
status 1 when one fails. The implementation is a command for /bin/sh, started and killed many times, that reads its place
from the environment: docs/device-conformance.md. Without --command the reference device is tested.

  --command C      starts the implementation
  --rows           it answers rows on its input, so test its predictions, counts and samples as well
  --only ID        this requirement (DEV-UPD-01) or these (DEV-UPD); may be repeated
  --quick          leave out what takes minutes
  --list           only list the requirements
  --hardware H     its hardware, edge unless said otherwise
  --slot S         its slot, quality unless said otherwise
  --parallel N     devices at a time, 4 unless said otherwise
  --patience N     multiplies every deadline, for slow devices
  --trace          show what the implementation writes to its error output
  --mqtt H:P       a broker for tests, in place of the kit's own; what needs control of it does not apply
  --ca FILE        certificate of its authority
  --cert FILE      the kit's certificate there: the kit acts as the cloud
  --key FILE       its key
  --thing NAME     the device that the broker lets in
  --device-cert FILE   its certificate
  --device-key FILE    its key
`,
  examples: ['--list', '--command "node my-device.js" --rows --only DEV-UPD'],
  options: {
    ...{ command: { type: 'string' }, rows: { type: 'boolean' }, quick: { type: 'boolean' } },
    ...{ list: { type: 'boolean' }, trace: { type: 'boolean' }, only: { type: 'string', multiple: true } },
    ...{ hardware: { type: 'string' }, slot: { type: 'string' } },
    ...{ parallel: { type: 'string' }, patience: { type: 'string' } },
    ...{
      mqtt: { type: 'string' },
      ca: { type: 'string', takes: 'file' },
      cert: { type: 'string', takes: 'file' },
      key: { type: 'string', takes: 'file' },
    },
    thing: { type: 'string' },
    'device-cert': { type: 'string', takes: 'file' },
    'device-key': { type: 'string', takes: 'file' },
  },
  async run(options, io) {
    if (options.flag('list')) return listed()
    const parallel = whole('parallel', options.string('parallel'), 4, 1, 64)
    const patience = whole('patience', options.string('patience'), 1, 1, 100)
    const only = options.strings('only')
    checkIds(only)
    const [hardware, slot, command] = ['hardware', 'slot', 'command'].map(name => options.string(name))
    const bench = await openProcessBench({
      command: command ?? REFERENCE,
      ...remoteOf(options),
      ...(options.flag('trace')
        ? { trace: (thing: string, line: string) => io.note(`${thing}: ${line}`) }
        : {}),
    })
    // Its processes are in groups of their own, so the terminal's Ctrl-C does not reach them.
    const ended = onInterrupt(() => bench.close())
    try {
      const result = await runConformance(bench, {
        ...{ parallel, patience, only, quick: options.flag('quick') },
        rows: options.flag('rows') || command === undefined,
        ...(hardware === undefined ? {} : { hardware }),
        ...(slot === undefined ? {} : { slot }),
        progress: line => io.note(line),
      })
      return { exit: result.passed ? 0 : 1, text: reportOf(result, io), data: { ...result } }
    } finally {
      ended()
      await bench.close()
    }
  },
}

function listed() {
  const lines = requirements.map(
    ({ id, text, test }) => `${id.padEnd(15)}${wrap(`${text} (${test})`, ' '.repeat(15))}`,
  )
  return { exit: 0 as const, text: lines.join('\n'), data: { requirements } }
}

function checkIds(only: readonly string[]): void {
  for (const wanted of only)
    if (!requirements.some(({ id }) => id === wanted || id.startsWith(`${wanted}-`)))
      throw new UsageError(`--only: there is no requirement ${wanted}; --list shows them`)
}

function remoteOf(options: Options): Pick<ProcessBenchOptions, 'remote'> {
  const endpoint = options.string('mqtt')
  if (endpoint === undefined) return {}
  if (!/^.+:\d{1,5}$/.test(endpoint)) throw new UsageError('--mqtt must be host:port')
  const read = (name: string): string => {
    try {
      return readFileSync(options.required(name), 'utf8')
    } catch (error) {
      if (error instanceof UsageError) throw error
      throw new UsageError(`--${name}: ${(error as Error).message}`)
    }
  }
  return {
    remote: {
      ...{ endpoint, caPem: read('ca'), certPem: read('cert'), keyPem: read('key') },
      thing: options.required('thing'),
      device: { certPem: read('device-cert'), keyPem: read('device-key') },
    },
  }
}

function reportOf({ verdicts, device, contract, passed }: Result, { paint }: Io): string {
  const sign = { pass: paint.good('✓'), fail: paint.bad('✗'), 'not-applicable': paint.dim('–') }
  const textOf = new Map(requirements.map(({ id, text }) => [id, text]))
  const indent = ' '.repeat(17)
  const lines = verdicts.map(({ id, verdict, evidence }) => {
    const said =
      verdict === 'pass' ? textOf.get(id)! : `${textOf.get(id)} ${verdict === 'fail' ? '→' : '–'} ${evidence}`
    return `${sign[verdict]} ${id.padEnd(15)}${wrap(said, indent)}`
  })
  const count = (wanted: string): number => verdicts.filter(({ verdict }) => verdict === wanted).length
  const numbers = `${count('pass')} passed, ${count('fail')} failed, ${count('not-applicable')} not applicable`
  const verdict = passed ? paint.good('The device passes') : paint.bad('The device does not pass')
  return `${lines.join('\n')}\n\n${verdict}: ${numbers} (contract ${contract}, runtime ${device.runtime}).`
}
