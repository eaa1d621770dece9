/**
 * `node scripts/ablate-iam.ts [--only ROLE] [--report FILE]`: takes every statement out of every role, one at a time,
 * and runs the loop on what is left. Each run has to fail with a message that names function, action and resource.
 */
import { writeFileSync } from 'node:fs'
import { readTemplate, statements, without } from './lib/ablation.ts'
import { buildAndPackage } from './lib/local-cloud.ts'
import { parse, run } from './lib/options.ts'

await run(async () => {
  const { values } = parse({
    options: { only: { type: 'string' }, report: { type: 'string' }, shard: { type: 'string' } },
  })
  await buildAndPackage()
  const template = readTemplate()
  const [shard = 1, shards = 1] = (values.shard ?? '1/1').split('/').map(Number)
  const cases = statements(template)
    .filter(({ role }) => values.only === undefined || role === values.only)
    .filter((_, i) => i % shards === shard - 1)
  const lines: string[] = []
  let unnoticed = 0
  for (const place of cases) {
    const { role, sid } = place
    const started = performance.now()
    const message = await without(template, place)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    if (message === undefined) unnoticed++
    const line = `${message === undefined ? 'UNNOTICED' : 'fails'} | ${role} | ${sid} | ${seconds} s | ${message ?? 'the loop closed all the same'}`
    lines.push(line)
    process.stdout.write(`${line}\n`)
  }
  if (values.report !== undefined) writeFileSync(values.report, `${lines.join('\n')}\n`)
  process.stdout.write(
    `${cases.length - unnoticed} of ${cases.length} statements are missed when they are taken out\n`,
  )
  return unnoticed === 0 ? 0 : 1
})
