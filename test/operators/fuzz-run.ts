/**
 * `node test/operators/fuzz-run.ts [REQUESTS] [SEED]`: fuzzes the operators' API of the cloud on one machine, over HTTP,
 * by docs/openapi.json; 20000 requests unless said. Exit status 1 when an answer is not what the document says.
 * Needs the packaged template (`npm run package`).
 */
import { startApiWorld } from '../../scripts/lib/api/world.ts'
import { run } from '../../scripts/lib/options.ts'
import { fuzz } from './fuzz/run.ts'
import { FROZEN } from './fuzz/world.ts'

await run(async () => {
  const [count = '20000', seed = String(Date.now() % 1_000_000)] = process.argv.slice(2)
  process.stdout.write(`seed ${seed}\n`)
  const world = await startApiWorld(FROZEN)
  try {
    const { sent, counts, failures, seconds } = await fuzz(world, Number(count), Number(seed))
    const total: Record<string, number> = {}
    for (const [id, by] of Object.entries(counts)) {
      for (const [status, n] of Object.entries(by)) total[status] = (total[status] ?? 0) + n
      process.stdout.write(`${id.padEnd(22)} ${JSON.stringify(by)}\n`)
    }
    process.stdout.write(`${sent} requests in ${seconds.toFixed(0)} s: ${JSON.stringify(total)}\n`)
    for (const failure of failures) process.stdout.write(`${failure}\n`)
    return failures.length === 0 ? 0 : 1
  } finally {
    await world.close()
  }
})
