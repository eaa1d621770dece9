/** `npx edgeloop devices`: devices of a fleet. */
import { UsageError } from '../lib/options.ts'
import { collect, LIST_HELP, listOptions, openApi } from './api.ts'
import type { Command } from './command.ts'
import { table } from './table.ts'
import { ago } from './text.ts'

export const devices: Command = {
  help: `Usage: npx edgeloop devices FLEET [filters]
       npx edgeloop devices show THING

Devices of a fleet in the order of their names: what each runs, its last step, when it was last heard of.

  --silent             only those that are silent beyond their usual time
  --revoked            only those that are revoked
  --hardware H         only those of this hardware
  --running M@V        only those that run this version
  --step STEP          only those that last reported this, such as REFUSED
${LIST_HELP}
Needs the scope fleet:read.
`,
  examples: ['containers --silent', 'containers --running cold-chain@2 --all --json'],
  options: {
    ...listOptions,
    ...{ silent: { type: 'boolean' }, revoked: { type: 'boolean' }, hardware: { type: 'string' } },
    ...{ running: { type: 'string' }, step: { type: 'string' } },
  },
  positionals: [{ name: 'FLEET' }],
  async run(options, io) {
    const [fleet, ...more] = options.positionals
    if (fleet === undefined || more.length > 0) throw new UsageError('name one fleet')
    const running = options.string('running')
    const [, model, version] = /^([a-z0-9-]+)@(\d{1,7})$/.exec(running ?? '') ?? []
    if (running !== undefined && model === undefined) throw new UsageError('--running must be MODEL@VERSION')
    const client = await openApi(options, io)
    const flag = (name: string) => (options.flag(name) ? true : undefined)
    const { items, more: rest } = await collect(client, options, 'listDevices', 'devices', {
      path: { fleet },
      query: {
        ...{ silent: flag('silent'), revoked: flag('revoked'), hardware: options.string('hardware') },
        ...{ model, version, step: options.string('step') },
      },
    })
    const columns = [
      ...[{ title: 'THING', keep: true }, { title: 'HARDWARE' }, { title: 'SLOT' }, { title: 'RUNS' }],
      ...[{ title: 'STEP' }, { title: 'LAST SEEN' }, { title: 'STATE' }],
    ]
    const rows = items.flatMap(device => {
      const { revokedAt, reinstatedAt, silent } = device
      const state = revokedAt !== undefined && reinstatedAt === undefined ? 'revoked' : silent ? 'silent' : ''
      const slots = Object.entries(device.slots)
      return (slots.length === 0 ? [undefined] : slots).map(slot => [
        ...[device.thing, device.hardware, slot?.[0] ?? ''],
        slot?.[1].release
          ? `${slot[1].release.model}@${slot[1].release.version}`
          : (slot?.[1].bundle?.slice(0, 12) ?? ''),
        [slot?.[1].step ?? '', slot?.[1].code ?? ''].filter(Boolean).join(' '),
        ...[ago(device.lastSeen || null, io.now()), state],
      ])
    })
    const text = items.length === 0 ? 'No device fits.' : table(columns, rows, io)
    return {
      exit: 0,
      text: rest ? `${text}\nThere are more: --limit, --all` : text,
      data: { fleet, devices: items, more: rest },
    }
  },
}
