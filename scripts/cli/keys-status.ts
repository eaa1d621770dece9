import { type TrustChain, trustChain } from '../../src/contracts/manifest.ts'
import { topics } from '../../src/contracts/mqtt.ts'
import {
  openChain,
  Refusal,
  rootOf,
  type TrustRoot,
  type TrustState,
  verifyBeacon,
  verifyManifest,
} from '../../verifier/index.ts'
import { fetchOnlineKeys, type OnlineKey } from '../lib/online-keys.ts'
import { begins, retained } from '../lib/publish-chain.ts'
import { iotDataClient, kmsClient } from '../lib/stack.ts'
import { chainSteps } from './chain-steps.ts'
import type { Command } from './command.ts'
import { daysLeft, describeRoot, rootFacts, WARN_DAYS } from './describe-root.ts'
import { readJson } from './files.ts'
import { onlineLine } from './keys-fetch.ts'
import { type Paint, short, wrap } from './paint.ts'
import { openStack, reach, STACK_HELP, stackOptions } from './stack.ts'

/** `bad` makes the command fail; `note` is for a person to think about. */
interface Finding {
  readonly kind: 'good' | 'note' | 'bad'
  readonly text: string
}

export const status: Command = {
  help: `Usage: npx edgeloop keys status [--chain chain.json] [--fleet FLEET …] [--stage dev]

Reads the chain that devices get and the stack's public keys, and compares. Exits with 1 when devices would refuse what the
stack signs. Needs iot:GetRetainedMessage on edgeloop/v1/* and kms:GetPublicKey.

  --chain FILE    your copy of the chain; says whether devices get the same
  --fleet FLEET   also checks the fleet's beacon and manifest as a device would, and says which key signed them (repeat)
${STACK_HELP}`,
  examples: ['--stage prod --chain chain.json --fleet containers'],
  options: {
    ...stackOptions,
    chain: { type: 'string', takes: 'file' },
    fleet: { type: 'string', multiple: true },
  },
  async run(options, { paint }) {
    const copy = options.string('chain')
    const own = copy === undefined ? undefined : readJson('--chain', copy, trustChain)
    const { config, names } = await openStack(options)
    const online = await reach('KMS', () => fetchOnlineKeys(kmsClient(config), names.alias))
    const iot = iotDataClient(config)
    const out = await reach('IoT', () => retained(iot, topics.trust))
    const findings: Finding[] = []
    const state = out === undefined ? undefined : readPublished(out, findings)
    const root = state === undefined ? undefined : rootOf(state).value
    if (out === undefined)
      findings.push({
        kind: 'bad',
        text: 'no trust root is out: nothing can be signed. Begin with keys root --first',
      })
    if (own !== undefined && out !== undefined && state !== undefined)
      findings.push(compare(out, own, copy ?? ''))
    if (root !== undefined) findings.push(...judge(root, online))
    for (const fleet of options.strings('fleet')) {
      const beacon = await reach('IoT', () => retained(iot, topics.beacon(fleet)))
      const manifest = await reach('IoT', () => retained(iot, topics.manifest(fleet)))
      if (state !== undefined) findings.push(...judgeFleet(state, fleet, { beacon, manifest }, online))
    }
    return {
      exit: findings.some(f => f.kind === 'bad') ? 1 : 0,
      text: [
        ...(root === undefined ? [] : [describeRoot(root, paint, Date.now()), '']),
        paint.bold('Keys of the stack'),
        ...online.map(key => onlineLine(key, paint)),
        '',
        ...findings.map(f => findingLine(f, paint)),
      ].join('\n'),
      data: { root: root === undefined ? null : rootFacts(root, Date.now()), online, findings },
    }
  },
}

const MARK = { good: '✓', note: '!', bad: '✗' } as const
const findingLine = ({ kind, text }: Finding, paint: Paint): string =>
  `${paint[kind === 'note' ? 'warn' : kind](MARK[kind])} ${wrap(text, '  ')}`

function readPublished(bytes: Uint8Array, findings: Finding[]): TrustState | undefined {
  try {
    const { steps, state, roots } = chainSteps(openChain(bytes))
    const broken = steps.find(s => s.refusal !== undefined)?.refusal
    if (broken !== undefined) throw broken
    findings.push({
      kind: 'good',
      text: `devices get trust root ${roots.at(-1)?.version} by a chain that holds`,
    })
    return state
  } catch (error) {
    findings.push({ kind: 'bad', text: `the published chain does not hold: ${(error as Error).message}` })
    return undefined
  }
}

function compare(out: Uint8Array, own: TrustChain, file: string): Finding {
  const published = JSON.parse(Buffer.from(out).toString('utf8')) as { chain: unknown[] }
  if (!begins(out, own.chain))
    return { kind: 'bad', text: `${file} is another chain than the one that is out` }
  return published.chain.length === own.chain.length
    ? { kind: 'good', text: `${file} is the chain that is out` }
    : {
        kind: 'note',
        text: `${file} lacks the last ${published.chain.length - own.chain.length} links of the chain that is out`,
      }
}

function judge(root: TrustRoot, online: readonly OnlineKey[]): Finding[] {
  const findings: Finding[] = []
  const left = daysLeft(root, Date.now())
  if (left < 0)
    findings.push({ kind: 'bad', text: 'the trust root has expired: devices refuse everything new' })
  else if (left < WARN_DAYS)
    findings.push({
      kind: 'note',
      text: `the trust root expires in ${left} days: draft the next one with keys root`,
    })
  for (const { role, slot, keyid, signs } of online) {
    const listed = root.roles[role].keyids.includes(keyid)
    const key = `${role} key ${slot} (${short(keyid)})`
    if (signs && listed) findings.push({ kind: 'good', text: `${key} signs, and the trust root lists it` })
    else if (signs)
      findings.push({
        kind: 'bad',
        text: `${key} signs, and the trust root does not list it: its work is held`,
      })
    else if (listed) findings.push({ kind: 'note', text: `${key} is listed and does not sign` })
    else findings.push({ kind: 'note', text: `${key} waits; the trust root does not list it yet` })
  }
  for (const role of ['model', 'deployment'] as const)
    for (const id of root.roles[role].keyids.filter(k => !online.some(o => o.keyid === k)))
      findings.push({
        kind: 'note',
        text: `the trust root lists ${role} key ${short(id)}, which the stack does not have`,
      })
  return findings
}

interface Documents {
  readonly beacon: Uint8Array | undefined
  readonly manifest: Uint8Array | undefined
}

/** The beacon first: a manifest counts only with one. */
function judgeFleet(
  trust: TrustState,
  fleet: string,
  { beacon, manifest }: Documents,
  online: readonly OnlineKey[],
): Finding[] {
  const clock = Date.now()
  let state = trust
  const judged = (
    what: string,
    bytes: Uint8Array | undefined,
    check: (bytes: Uint8Array) => void,
  ): Finding => {
    if (bytes === undefined) return { kind: 'note', text: `${what} of ${fleet}: none is out` }
    try {
      check(bytes)
      return { kind: 'good', text: `${what} of ${fleet}: signed by ${signer(bytes, online)}` }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { kind: 'bad', text: `${what} of ${fleet}: devices refuse it, ${error.code}: ${error.message}` }
    }
  }
  return [
    judged('beacon', beacon, bytes => {
      state = verifyBeacon(state, bytes, { fleet, clock })
    }),
    judged('manifest', manifest, bytes => {
      verifyManifest(state, bytes, { fleet, clock, hardware: '', runtimes: [], slots: [] })
    }),
  ]
}

/** Of a document that was verified. */
function signer(bytes: Uint8Array, online: readonly OnlineKey[]): string {
  const { signatures } = JSON.parse(Buffer.from(bytes).toString('utf8')) as {
    signatures: { keyid: string }[]
  }
  const keyid = signatures[0]?.keyid ?? ''
  const slot = online.find(k => k.keyid === keyid)?.slot
  return slot === undefined ? `key ${short(keyid)}` : `deployment key ${slot} (${short(keyid)})`
}
