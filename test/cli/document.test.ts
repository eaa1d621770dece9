/** docs/cli.md: every command is there, and what it shows is what the commands print. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shared } from '../../scripts/cli/command.ts'
import { entries } from '../../scripts/cli/registry.ts'
import { type ApiServer, GOOD, startApiServer, variables } from './api-server.ts'
import { NOW, overview, urgent } from './overview-sample.ts'
import { commandLines } from './runbooks.ts'
import { run } from './support.ts'

const text = readFileSync(fileURLToPath(new URL('../../docs/cli.md', import.meta.url)), 'utf8')
/** Of these the output comes from the files and the cloud of whoever types them. */
const ELSEWHERE = ['init', 'validate', 'drop', 'doctor']
/** A shell block with one command, and the output under it. */
const shown = [...text.matchAll(/^```sh\n(.*)\n```\n\n```\n([\s\S]*?)^```$/gm)].flatMap(
  ([, sh = '', output = '']) => {
    const [args = []] = commandLines(`\`\`\`sh\n${sh}\n\`\`\``)
    return ELSEWHERE.includes(args[0] ?? '') ? [] : [{ args, output }]
  },
)

/** Words and their order; digests, times, numbers and who is drawn as a canary are those of one run. */
const same = (printed: string): string =>
  printed
    .replace(/\b[0-9a-f]{8,}\b/g, 'digest')
    .replace(/\d+(?:[.:T-]\d+)*Z?/g, '0')
    .replace(/by phase "\w+"/g, 'by phase "one"')
    .replace(/ +/g, ' ')

describe('docs/cli.md', () => {
  let server: ApiServer
  let back: () => void
  beforeAll(async () => {
    server = await startApiServer()
    back = variables({ AWS_ENDPOINT_URL: undefined, EDGELOOP_API: server.url, TOKEN: GOOD })
    server.reply('getOverview', () => ({
      status: 200,
      body: overview({ attention: [urgent], attentionTotal: 1 }),
    }))
  })
  afterAll(async () => {
    back?.()
    await server?.close()
  })

  it('shows what the commands print', async () => {
    expect(shown.length).toBeGreaterThan(12)
    for (const { args, output } of shown) {
      const now = args[0] === 'status' ? NOW : server.chain.world.time
      const ran = await run(args, undefined, () => now)
      expect([args.join(' '), ran.err, same(ran.out)]).toEqual([args.join(' '), '', same(output)])
    }
  })

  it('has an example of every command', () => {
    const told = commandLines(text).map(args => args.join(' '))
    const keys = entries.filter(({ name }) => name.startsWith('keys ')).map(({ name }) => name.slice(5))
    expect(text).toContain(`| \`keys ${keys.join('`, `')}\` |`)
    expect(text).toContain('`rollouts show ROLLOUT`')
    for (const { name } of entries)
      if (!name.startsWith('keys ') && name !== 'rollouts show')
        expect([name, told.some(line => `${line} `.startsWith(`${name} `))]).toEqual([name, true])
  })

  it('names every option that all have, and every exit status', () => {
    for (const option of Object.keys(shared)) expect(text).toContain(`\`--${option}\``)
    for (const status of [0, 1, 2, 3, 130, 141]) expect(text).toMatch(new RegExp(`^\\| ${status}\\b`, 'm'))
  })
})
