/** The commands of the runbooks, as the operator and the holders of root keys type them. */
import { existsSync } from 'node:fs'
import { must, run } from '../cli/support.ts'
import { FLEET, Stack } from './stack.ts'

export const WAIT = 40
export const stack = new Stack()
export const chain = stack.path('chain.json')
export const [draft, online] = [stack.path('draft.json'), stack.path('online.json')]
const passphrase = stack.path('passphrase')
export const pem = (name: string, kind = 'pem') => stack.path('keys', `${name}.${kind}`)

export const publicKeys = (...names: string[]) => names.flatMap(name => ['--root-key', pem(name, 'pub.pem')])
export const signer = (name: string) => [
  '--draft',
  draft,
  '--key',
  pem(name),
  '--passphrase-file',
  passphrase,
  '--yes',
]
/** Each holder compares with their own copy of the chain, which the first ceremony has not yet. */
export const signAs = (name: string) =>
  must('keys', 'sign', ...signer(name), ...(existsSync(chain) ? ['--chain', chain] : []))
export async function signAndPublish(...holders: readonly string[]): Promise<void> {
  for (const name of holders) await signAs(name)
  await must('keys', 'publish', '--draft', draft, '--chain', chain)
}
export const newRoot = (...names: readonly string[]) =>
  must(
    ...['keys', 'new-root', '--dir', stack.path('keys'), '--passphrase-file', passphrase],
    ...['--names', names.join(',')],
  )
export const from = (...changes: readonly string[]) =>
  must('keys', 'root', '--from', chain, '--out', draft, ...changes)
export const fetchKeys = async () =>
  (await must('keys', 'fetch', '--out', online))['keys'] as {
    role: string
    slot: string
    keyid: string
    signs: boolean
  }[]
export const idOf = async (role: string, slot: string): Promise<string> =>
  (await fetchKeys()).find(k => k.role === role && k.slot === slot)?.keyid ?? ''
export const slotsOf = async (role: string) =>
  (await fetchKeys()).filter(k => k.role === role).map(k => `${k.slot} ${k.signs ? 'signs' : 'waits'}`)
export const status = (...more: readonly string[]) =>
  run(['keys', 'status', '--chain', chain, ...more, '--json'])
export const findings = async (...more: readonly string[]): Promise<string> =>
  JSON.stringify((await status(...more)).json()['findings'])

/** Until chain, beacon and manifest are such that a device takes them: how a runbook sees that it worked. */
export async function untilGood(): Promise<void> {
  for (let tries = 0; tries < WAIT * 5; tries++) {
    const { exit, out } = await status('--fleet', FLEET)
    if (exit === 0 && out.includes(`manifest of ${FLEET}: signed by`)) return
    await new Promise(later => setTimeout(later, 200))
  }
  throw new Error(`status stays bad: ${await findings('--fleet', FLEET)}`)
}
