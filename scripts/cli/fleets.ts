/** `npx edgeloop fleets`: all of them, or one as Edge Manager's report had it. */
import { UsageError } from '../lib/options.ts'
import { type AnswerOf, collect, LIST_HELP, listOptions, openApi } from './api.ts'
import type { Command, Io } from './command.ts'
import { table } from './table.ts'
import { plural } from './text.ts'

export const fleets: Command = {
  help: `Usage: npx edgeloop fleets [FLEET]

Without a name every fleet with what its newest manifest says; with one its report: devices that are registered, connected
and silent, by hardware and by the version that they run, with how many answered inferences and sampled in the last window.

${LIST_HELP}
Needs the scope fleet:read.
`,
  examples: ['', 'containers --json'],
  options: listOptions,
  positionals: [{ name: 'FLEET' }],
  async run(options, io) {
    const [fleet, ...more] = options.positionals
    if (more.length > 0) throw new UsageError('name one fleet')
    const client = await openApi(options, io)
    if (fleet !== undefined) {
      const report = await client.ask('getFleetReport', { path: { fleet } })
      return { exit: 0, text: reportText(report, io), data: { ...report } }
    }
    const { items, more: rest } = await collect(client, options, 'listFleets', 'fleets')
    const rows = items.flatMap(({ fleet: name, counter, published, slots, active }) =>
      (slots.length === 0 ? [undefined] : slots).map(slot => [
        ...[name, String(counter), published < counter ? 'on its way' : 'published'],
        ...[slot?.slot ?? '', slot?.hardware ?? ''],
        slot?.committed ? `${slot.committed.model}@${slot.committed.version}` : '',
        slot?.candidate ? `${slot.candidate.release.model}@${slot.candidate.release.version}` : '',
        (slot && active[slot.slot]) ?? '',
      ]),
    )
    const columns = [
      ...[
        { title: 'FLEET', keep: true },
        { title: 'MANIFEST', right: true },
        { title: 'STATE' },
        { title: 'SLOT' },
      ],
      ...[{ title: 'HARDWARE' }, { title: 'COMMITTED' }, { title: 'CANDIDATE' }, { title: 'ROLLOUT' }],
    ]
    const text =
      items.length === 0
        ? 'There are no fleets: a fleet comes with its first model.'
        : table(columns, rows, io)
    return {
      exit: 0,
      text: rest ? `${text}\nThere are more: --limit, --all` : text,
      data: { fleets: items, more: rest },
    }
  },
}

function reportText(report: AnswerOf<'getFleetReport'>, io: Io): string {
  const { fleet, registered, connected, silent, revoked, withoutModel, hardware, versions } = report
  const counts = [
    `${connected} connected`,
    `${silent} silent`,
    `${revoked} revoked`,
    `${withoutModel} without a model`,
  ]
  const shown = (n: number | null): string => (n === null ? '' : String(n))
  return [
    `${io.paint.bold(fleet)}: ${plural(registered, 'device')}, ${counts.join(', ')}`,
    `Hardware: ${hardware.map(h => `${h.hardware} ${h.devices}`).join(', ') || 'none'}`,
    '',
    versions.length === 0
      ? 'No device runs a model.'
      : table(
          [
            { title: 'VERSION', keep: true },
            ...['DEVICES', 'CONNECTED', 'OFFLINE', 'ACTIVE', 'SAMPLING'].map(title => ({
              title,
              right: true,
            })),
          ],
          versions.map(v => [
            `${v.model}@${v.version}`,
            ...[v.devices, v.connected, v.offline].map(String),
            ...[shown(v.active), shown(v.sampling)],
          ]),
          io,
        ),
  ].join('\n')
}
