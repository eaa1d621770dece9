/** `npx edgeloop query`: SQL over the archived windows, the same on this machine and on Athena. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tableNames } from '../../src/contracts/telemetry.ts'
import { UsageError, whole } from '../lib/options.ts'
import { download, type Wanted } from '../lib/query/download.ts'
import type { QueryEngine } from '../lib/query/engine.ts'
import { printTable } from '../lib/query/print.ts'
import { type AwsConfig, accountOf, s3Client, stackNames } from '../lib/stack.ts'
import type { Command, Io, Options } from './command.ts'
import { reach, STACK_HELP, stackOptions } from './stack.ts'

export const query: Command = {
  help: `Usage: npx edgeloop query "SELECT …" [options]

Answers one SELECT over the tables windows and device_windows (docs/queries.md). With an endpoint, as of the local cloud, it
fetches their Parquet files and runs DuckDB over them; with a folder too, without any cloud; else it asks Athena.

  --dir FOLDER      of a copy of telemetry/, as aws s3 sync makes it
  --endpoint URL    of the cloud whose files are fetched (default AWS_ENDPOINT_URL)
  --athena          asks Athena even where AWS_ENDPOINT_URL is set
  --model MODEL     fetches this model's files only
  --since DATE      fetches no windows of earlier days, YYYY-MM-DD in UTC
  --until DATE      fetches no windows of later days
  --limit ROWS      prints at most so many rows (default 1000)
${STACK_HELP}
Exit status: 0 answered; 1 the SQL was refused or failed; 2 wrong usage; 3 the cloud could not be reached.
`,
  examples: [
    '"SELECT model, count(*) AS windows FROM windows GROUP BY model"',
    '"SELECT * FROM device_windows" --model cold-chain --since 2026-11-01 --json',
  ],
  options: {
    ...stackOptions,
    ...{ dir: { type: 'string', takes: 'dir' }, endpoint: { type: 'string' }, athena: { type: 'boolean' } },
    ...{ model: { type: 'string' }, since: { type: 'string' }, until: { type: 'string' } },
    limit: { type: 'string' },
  },
  positionals: [{ name: 'SQL' }],
  async run(options, io) {
    const [sql = '', ...more] = options.positionals
    if (sql.trim() === '' || more.length > 0) throw new UsageError('give one query, in quotes')
    const limit = whole('limit', options.string('limit'), 1_000, 1, 1_000_000)
    const temporary: string[] = []
    let engine: QueryEngine | undefined
    try {
      engine = await engineFor(options, sql, io, temporary)
      const result = await engine.run(sql, limit)
      const { columns, rows, truncated } = result
      const objects = rows.map(row => Object.fromEntries(columns.map((name, i) => [name, row[i]])))
      return {
        exit: 0,
        text: printTable(result),
        data: { engine: engine.name, columns, rows: objects, truncated },
      }
    } finally {
      engine?.close()
      for (const dir of temporary) rmSync(dir, { recursive: true, force: true })
    }
  },
}

async function engineFor(options: Options, sql: string, io: Io, temporary: string[]): Promise<QueryEngine> {
  const [dir, endpoint, athena] = [options.string('dir'), options.string('endpoint'), options.flag('athena')]
  if ([dir !== undefined, endpoint !== undefined, athena].filter(Boolean).length > 1)
    throw new UsageError('give one of --dir, --endpoint and --athena')
  const wanted = readWanted(options, sql)
  const stage = options.string('stage') ?? 'dev'
  if (dir !== undefined) return await duck(folder(dir))
  const at = endpoint ?? process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL']
  // The SDK would try for seconds to find an instance's metadata; a person at a terminal has none.
  process.env['AWS_EC2_METADATA_DISABLED'] ??= 'true'
  if (athena || at === undefined) {
    const { athenaEngine } = await import('../lib/query/athena.ts')
    const named = process.env['AWS_ENDPOINT_URL_ATHENA']
    const names = { workgroup: `edgeloop-${stage}`, database: `edgeloop_${stage}` }
    return await reach('Athena', () => athenaEngine({ ...names, ...(named ? { endpoint: named } : {}) }))
  }
  const into = mkdtempSync(join(tmpdir(), 'edgeloop-query-'))
  temporary.push(into)
  const config: AwsConfig = { maxAttempts: 2, ...(endpoint === undefined ? {} : { endpoint }) }
  const account = await reach('STS', () => accountOf(config))
  const s3 = s3Client(config)
  const { artefactBucket } = stackNames(stage, account)
  const { objects, bytes } = await reach('S3', () => download(s3, artefactBucket, wanted, into))
  io.note(`${objects} objects, ${(bytes / 1e6).toFixed(1)} MB from ${artefactBucket}`)
  s3.destroy()
  return await duck(into)
}

/** Loaded here: DuckDB's library is 70 MB, and Athena needs none of it. */
async function duck(dir: string): Promise<QueryEngine> {
  const { duckEngine } = await import('../lib/query/duck.ts')
  return await duckEngine(dir)
}

function folder(dir: string): string {
  const below = join(dir, 'telemetry')
  const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  if (!isFolder(dir)) throw new UsageError(`--dir: ${dir}: there is no such folder`)
  if (tableNames.some(table => isFolder(join(dir, table)))) return dir
  if (isFolder(below)) return below
  throw new UsageError(`--dir: ${dir} has neither ${tableNames.join('/ nor ')}/ in it`)
}

function readWanted(options: Options, sql: string): Wanted {
  const [model, since, until] = [options.string('model'), options.string('since'), options.string('until')]
  for (const [name, day] of Object.entries({ since, until }))
    if (day !== undefined && !/^\d{4}-\d\d-\d\d$/.test(day))
      throw new UsageError(`--${name} must be a day such as 2026-03-01, not "${day}"`)
  if (model !== undefined && !/^[a-z0-9-]{1,30}$/.test(model))
    throw new UsageError(`--model: "${model}" is no name of a model`)
  return {
    tables: tableNames.filter(table => new RegExp(`\\b${table}\\b`, 'i').test(sql)),
    ...(model === undefined ? {} : { model }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  }
}
