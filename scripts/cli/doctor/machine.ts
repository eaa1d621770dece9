/** This machine and who asks: Node, region, credentials, clock. */
import { type Check, type Finding, fail, ok, skip, warn } from './check.ts'

const NODE = [20, 19] as const
/** AWS refuses signatures that are further off. */
const MAX_SKEW_MS = 5 * 60_000
const SOME_SKEW_MS = 60_000

const nodeCheck = (version: string): Finding => {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > NODE[0] || (major === NODE[0] && minor >= NODE[1])
    ? ok(`Node ${version}`)
    : fail(`Node ${version} is too old for Edgeloop`, `install Node ${NODE.join('.')} or newer`)
}

export const machineChecks: readonly Check[] = [
  { id: 'node', run: async ({ node }) => nodeCheck(node) },
  {
    id: 'clock',
    needs: ['credentials'],
    async run({ env, config, now }) {
      const region = config.region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? 'us-east-1'
      const url = config.endpoint ?? env['AWS_ENDPOINT_URL'] ?? `https://sts.${region}.amazonaws.com/`
      const asked = now()
      const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(10_000) })
      await answer.body?.cancel()
      const date = Date.parse(answer.headers.get('date') ?? '')
      if (Number.isNaN(date)) return skip('the cloud does not say what time it is')
      // The header has whole seconds, and the answer took its time.
      const off = Math.max(0, Math.abs(date + 500 - (asked + now()) / 2) - (now() - asked) / 2 - 500)
      const seconds = Math.round(off / 1_000)
      const fix = 'let the system keep its time by NTP (timedatectl set-ntp true)'
      if (off > MAX_SKEW_MS)
        return fail(`the clock is ${seconds} s off: signatures and tokens are refused`, fix)
      if (off > SOME_SKEW_MS)
        return warn(`the clock is ${seconds} s off; above 300 s AWS refuses signatures`, fix)
      return ok('the clock is right')
    },
  },
]
