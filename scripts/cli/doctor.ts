/** `npx edgeloop doctor`: what is missing, what it means, and what mends it. Looks only. */
import { type AwsConfig, callerOf, stackNames } from '../lib/stack.ts'
import { openSession } from './api/session.ts'
import { outputsOf } from './api/where.ts'
import { apiOptions } from './api.ts'
import { CloudError, type Command, type Options } from './command.ts'
import { fail, type Look, ok } from './doctor/check.ts'
import { expectedOf } from './doctor/expected.ts'
import { diagnose, type Result } from './doctor/run.ts'
import { type Paint, wrap } from './paint.ts'
import { reach, STACK_HELP, stackOptions } from './stack.ts'

export const doctor: Command = {
  help: `Usage: npx edgeloop doctor [--stage dev] [--api URL]

Looks at this machine, the account or the local cloud, the stack in it, the keys and the trust root, the API and the token, and
says of each what is wrong, what it means and what mends it. Calls that read and no others; what credentials may not look at
is a warning. Exits with 1 when something would keep the loop from running.

  --api URL       the operators' API (default EDGELOOP_API, AWS_ENDPOINT_URL, the last sign-in's, or the stack's own)
${STACK_HELP}`,
  examples: ['', '--stage prod --api https://abc123.execute-api.eu-west-1.amazonaws.com --json'],
  options: { ...stackOptions, ...apiOptions },
  async run(options, { paint, progress, now }) {
    const bar = progress('Looking')
    try {
      const { look, before } = await begin(options, now)
      const results = await diagnose(look, before, (id, done) => bar.at(done, id))
      bar.end()
      return outcomeOf(results, paint)
    } finally {
      bar.end()
    }
  },
}

/** Who asks, and where. Without it nothing of the stack can be looked at. */
async function begin(options: Options, now: () => number): Promise<{ look: Look; before: Result[] }> {
  const stage = options.string('stage') ?? 'dev'
  // The SDK would try for seconds to find an instance's metadata; a person at a terminal has none.
  process.env['AWS_EC2_METADATA_DISABLED'] ??= 'true'
  const { env } = process
  const config: AwsConfig = { maxAttempts: 2 }
  const { api, token } = await signInOf(options, stage, now)
  const look = (account: string): Look => ({
    ...{ stage, config, account, env, now, node: process.versions.node },
    names: stackNames(stage, account),
    expected: expectedOf(stage),
    ...{ api, token },
    local: env['AWS_ENDPOINT_URL'] !== undefined,
  })
  try {
    const { account, arn } = await reach('STS', () => callerOf(config))
    return { look: look(account), before: [{ id: 'credentials', ...ok(`${arn}, stage ${stage}`) }] }
  } catch (error) {
    if (!(error instanceof CloudError)) throw error
    const region = /no region is set/.test(error.message)
    const finding = fail(
      error.message,
      region
        ? 'export AWS_REGION=eu-west-1, or the region that it is deployed in'
        : 'aws sts get-caller-identity must work first',
    )
    return { look: look(''), before: [{ id: 'credentials', ...finding }] }
  }
}

/** As commands that ask the API find it; without a word of it, the stack's own output. */
async function signInOf(options: Options, stage: string, now: () => number) {
  const session = openSession(process.env, now)
  const { EDGELOOP_API, AWS_ENDPOINT_URL } = process.env
  const api =
    options.string('api') ??
    EDGELOOP_API ??
    AWS_ENDPOINT_URL ??
    session.lastApi() ??
    (await outputsOf(stage).then(
      outputs => outputs['ApiUrl'],
      () => undefined,
    ))
  const token = await session.token(api ?? 'http://localhost').catch((error: Error) => error)
  return { api, token }
}

function outcomeOf(results: readonly Result[], paint: Paint) {
  const marks = { ok: paint.good('✓'), warn: paint.warn('!'), fail: paint.bad('✗'), skip: paint.dim('–') }
  const width = Math.max(...results.map(r => r.id.length)) + 2
  const indent = ' '.repeat(width + 2)
  const lines = results.flatMap(({ id, outcome, text, fix }) => [
    `${marks[outcome]} ${id.padEnd(width)}${outcome === 'skip' ? paint.dim(wrap(text, indent)) : wrap(text, indent)}`,
    ...(fix === undefined ? [] : [`${indent}${paint.bold('→')} ${wrap(fix, `${indent}  `)}`]),
  ])
  const count = (wanted: Result['outcome']): number => results.filter(r => r.outcome === wanted).length
  const [failed, warned] = [count('fail'), count('warn')]
  const verdict =
    failed > 0
      ? paint.bad(`${failed} of ${results.length} are wrong, ${warned} deserve a look.`)
      : paint.good(warned === 0 ? 'Nothing is missing.' : `Nothing is wrong, ${warned} deserve a look.`)
  return {
    exit: failed > 0 ? (1 as const) : (0 as const),
    text: [...lines, '', verdict].join('\n'),
    data: {
      healthy: failed === 0,
      checks: results.map(({ id, outcome, text, fix }) => ({ id, outcome, text, fix: fix ?? null })),
    },
  }
}
