/** `npx edgeloop devices show`: one device, what it counted and what became of its updates. */
import { UsageError } from '../lib/options.ts'
import { API_HELP, apiOptions, openApi } from './api.ts'
import type { Command } from './command.ts'
import { table } from './table.ts'
import { ago, percent } from './text.ts'
import { deviceStory } from './why/device.ts'

export const showDevice: Command = {
  help: `Usage: npx edgeloop devices show THING

What a device should run and why, what it runs, its last updates, and what it counted in the last windows.

${API_HELP}
Needs the scope fleet:read.
`,
  examples: ['containers-0007'],
  options: apiOptions,
  positionals: [{ name: 'THING' }],
  async run(options, io) {
    const [thing, ...more] = options.positionals
    if (thing === undefined || more.length > 0) throw new UsageError('name one device')
    const client = await openApi(options, io)
    const device = await client.ask('getDevice', { path: { thing } })
    // A device that runs several models has to be asked for each; the first is shown.
    const model = Object.values(device.slots).find(s => s.release !== undefined)?.release?.model
    const answer = await client.find('listDeviceWindows', { path: { thing }, query: { model } })
    const windows = answer?.windows ?? []
    const columns = [
      { title: 'WINDOW' },
      ...['INFERENCES', 'ERRORS', 'RESETS', 'P95 MS', 'CONFIDENCE', 'SAMPLES'].map(title => ({
        title,
        right: true,
      })),
      { title: 'FARTHEST FROM THE BASELINE' },
    ]
    const rows = windows.map(w => {
      const [far] = Object.entries(w.distances).sort(([, a], [, b]) => b - a)
      return [
        ago(w.start, io.now()),
        ...[w.inferences, w.errors, w.resets].map(String),
        ...[w.latencyMs === null ? '' : w.latencyMs.p95.toFixed(1), percent(w.confidence), String(w.samples)],
        far === undefined ? '' : `${far[0]} ${far[1].toFixed(2)}`,
      ]
    })
    return {
      exit: 0,
      text: [
        ...deviceStory(device, io),
        io.paint.dim(`${device.hardware}, runtime ${device.runtime}`),
        ...(windows.length === 0 ? [] : ['', table(columns, rows, io)]),
      ].join('\n'),
      data: { ...device, windows },
    }
  },
}
