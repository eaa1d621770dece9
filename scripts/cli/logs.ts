import { type LogLine, logReader } from '../lib/logs/read.ts'
import { clock, sinceTime } from '../lib/logs/time.ts'
import { UsageError } from '../lib/options.ts'
import { CloudError, type Command, type Options } from './command.ts'
import type { Paint } from './paint.ts'
import { openStack, reach, STACK_HELP, stackOptions } from './stack.ts'
import { plain } from './text.ts'

const LEVELS = ['info', 'warn', 'error'] as const

export const logs: Command = {
  help: `Usage: npx edgeloop logs [FUNCTION…] [options]

Prints lines of functions, oldest first; without a name, of all functions. Names are without service and stage: reconcile.

  --level LEVEL   info, warn (default) or error: lines of it and above
  --code CODE     lines with this code, at any level: EVENT_HANDLED, KEY_NOT_TRUSTED …
  --id ID         lines of this chain, event or request, at any level
  --since TIME    how far back to look: 30m, 24h, 7d or an ISO time (default 1h)
  --most N        stop after so many lines (default 200)
${STACK_HELP}
Exits with 0 also when there are none.
`,
  examples: ['sign-package --level error --since 24h', '--id 9f7d51c4aa31'],
  options: {
    ...stackOptions,
    ...{ level: { type: 'string', choices: LEVELS }, code: { type: 'string' }, id: { type: 'string' } },
    ...{ since: { type: 'string' }, most: { type: 'string' } },
  },
  positionals: [{ name: 'FUNCTION' }],
  async run(options, { paint }) {
    const pattern = patternOf(options)
    const since = sinceTime(options.string('since') ?? '1h', Date.now())
    const most = Number(options.string('most') ?? 200)
    if (!Number.isInteger(most) || most < 1 || most > 10_000)
      throw new UsageError('--most must be a whole number from 1 to 10000')
    const { stage, config } = await openStack(options)
    const reader = logReader(config, stage)
    try {
      return await reach('the logs', async () => {
        const known = await reader.functions()
        const unknown = options.positionals.find(name => !known.includes(name))
        if (unknown !== undefined)
          throw new CloudError(
            `stage ${stage} has no logs of a function ${unknown}; it has ${known.join(', ') || 'none'}`,
          )
        const functions = options.positionals.length === 0 ? known : options.positionals
        const { lines, complete } = await reader.filter({ functions, pattern, since, most })
        const shown = lines.slice(-most)
        return {
          exit: 0,
          text: [
            ...shown.map(line => lineText(line, since, paint)),
            shown.length === 0 ? 'No such lines.' : `${shown.length} lines${complete ? '' : ', and more'}`,
          ].join('\n'),
          data: { lines: shown.map(({ fn, fields }) => ({ function: fn, ...fields })), complete },
        }
      })
    } finally {
      reader.close()
    }
  },
}

function patternOf(options: Options): string {
  const [code, id, level = 'warn'] = [options.string('code'), options.string('id'), options.string('level')]
  for (const [name, value] of [
    ['code', code],
    ['id', id],
  ] as const)
    if (value !== undefined && !/^[\w.:@-]{1,128}$/.test(value))
      throw new UsageError(`--${name}: "${value}" is not one`)
  const ids = ['correlationId', 'eventId', 'emittedId', 'function_request_id', 'requestId']
  const which = id === undefined ? [''] : ids.map(field => ` && $.${field} = "${id}"`)
  // Lambda's own lines have a type in place of a message: platform.report.
  const field = code?.startsWith('platform.') ? 'type' : 'message'
  if (code !== undefined) return `{ ${which.map(w => `$.${field} = "${code}"${w}`).join(' || ')} }`
  if (id !== undefined) return `{ ${ids.map(field => `$.${field} = "${id}"`).join(' || ')} }`
  const at = (LEVELS as readonly string[]).indexOf(level)
  if (at < 0) throw new UsageError(`--level must be one of ${LEVELS.join(', ')}, not "${level}"`)
  const names = [...LEVELS.slice(at), ...(at < 3 ? ['fatal'] : [])].map(l => l.toUpperCase())
  return `{ ${names.map(name => `$.level = "${name}"`).join(' || ')} }`
}

const ASIDE = new Set([
  ...['level', 'message', 'timestamp', 'service', 'sampling_rate', 'cold_start', 'function_arn'],
  ...['function_memory_size', 'function_name', 'function_request_id', 'xray_trace_id'],
])
/** What is in a line came from devices, too. */
export function lineText({ at, fn, code, level, fields }: LogLine, day: number, paint: Paint): string {
  const facts = Object.entries(fields)
    .filter(([name]) => !ASIDE.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const said = fields['message']
  const more = typeof said === 'object' && said !== null ? [JSON.stringify(said).slice(0, 1000)] : []
  const mark = level === 'ERROR' ? paint.bad(level) : level === 'WARN' ? paint.warn(level) : plain(level)
  return `${clock(at, day)}  ${mark} ${fn} ${paint.bold(plain(code))} ${paint.dim(plain([...facts, ...more].join(' ')))}`
}
