/** A trust root in plain words, and what a link changes against the one before it. */
import type { DsseEnvelope } from '../../src/contracts/manifest.ts'
import { type KnownRoot, readRoot, type TrustRoot } from '../../verifier/index.ts'
import { type Paint, short } from './paint.ts'

export const WARN_DAYS = 90
const DAY_MS = 86_400_000

const SIGNS = {
  root: 'the next trust root',
  model: 'packages',
  deployment: 'fleet manifests and freshness beacons',
} as const

/** The predicate of an envelope that need not be signed yet. Signatures are not looked at. */
export function rootIn(envelope: Pick<DsseEnvelope, 'payload'>): TrustRoot {
  const statement = JSON.parse(Buffer.from(envelope.payload, 'base64').toString('utf8')) as {
    predicate: TrustRoot
  }
  return statement.predicate
}

export const daysLeft = ({ expires }: Pick<TrustRoot, 'expires'>, now: number): number =>
  Math.floor((Date.parse(expires) - now) / DAY_MS)

export function describeRoot(root: TrustRoot, paint: Paint, now: number): string {
  const left = daysLeft(root, now)
  const until = `valid until ${root.expires.slice(0, 10)}`
  const lines = [
    `${paint.bold(`Trust root ${root.version}`)}, epoch ${root.epoch}, ${
      left < 0
        ? paint.bad(`expired since ${root.expires.slice(0, 10)}`)
        : left < WARN_DAYS
          ? paint.warn(`${until}: ${left} days are left`)
          : `${until} (${left} days)`
    }`,
  ]
  for (const role of ['root', 'model', 'deployment'] as const) {
    const { keyids } = root.roles[role]
    const need = role === 'root' ? `${root.roles.root.threshold} of ${keyids.length}` : 'any of'
    lines.push(`  ${role.padEnd(11)}${need.padEnd(7)} ${keyids.map(short).join('  ')}`)
    lines.push(paint.dim(`  ${''.padEnd(18)} sign${keyids.length === 1 ? 's' : ''} ${SIGNS[role]}`))
  }
  for (const [model, minimum] of Object.entries(root.minimumRelease))
    lines.push(`  no release of ${model} under version ${minimum} may run`)
  for (const bundle of root.revokedBundles) lines.push(`  bundle ${short(bundle)} may not run`)
  return lines.join('\n')
}

export interface Change {
  readonly text: string
  /** What a person has to think about before signing. */
  readonly warning?: string
}

/** Every change that a link makes. */
export function changesBetween(before: TrustRoot | undefined, next: TrustRoot): Change[] {
  if (before === undefined)
    return [
      {
        text: 'This is the first trust root. Devices are made with it and believe nothing else from then on.',
      },
    ]
  const changes: Change[] = []
  for (const role of ['root', 'model', 'deployment'] as const) {
    const [old, now] = [before.roles[role].keyids, next.roles[role].keyids]
    for (const id of now.filter(k => !old.includes(k)))
      changes.push({ text: `${role} key ${short(id)} is added` })
    for (const id of old.filter(k => !now.includes(k)))
      changes.push({ text: `${role} key ${short(id)} is taken out`, ...warningFor(role) })
  }
  const [was, is] = [before.roles.root.threshold, next.roles.root.threshold]
  if (was !== is) changes.push({ text: `${is} root signatures are needed instead of ${was}` })
  if (next.epoch !== before.epoch)
    changes.push({
      text: `epoch ${next.epoch} begins`,
      warning: 'every manifest and beacon signed so far becomes void; the stack signs new ones by itself',
    })
  changes.push(...barChanges(before, next))
  changes.push({ text: `valid until ${next.expires.slice(0, 10)}, was ${before.expires.slice(0, 10)}` })
  return changes
}

const warningFor = (role: 'root' | 'model' | 'deployment'): { warning?: string } =>
  role === 'model'
    ? {
        warning:
          'devices refuse to install packages that only this key has signed; what runs already goes on running',
      }
    : {}

function barChanges(before: TrustRoot, next: TrustRoot): Change[] {
  const changes: Change[] = []
  for (const [model, minimum] of Object.entries(next.minimumRelease))
    if (before.minimumRelease[model] !== minimum)
      changes.push({ text: `no release of ${model} under version ${minimum} may run any more` })
  for (const bundle of next.revokedBundles.filter(b => !before.revokedBundles.includes(b)))
    changes.push({ text: `bundle ${short(bundle)} may not run any more` })
  for (const bundle of before.revokedBundles.filter(b => !next.revokedBundles.includes(b)))
    changes.push({ text: `bundle ${short(bundle)} may run again` })
  return changes
}

/** The last link of a chain that was walked. */
export const lastRoot = (chain: readonly Uint8Array[]): KnownRoot => readRoot(chain.at(-1) as Uint8Array)

/** For --json. */
export const rootFacts = (root: TrustRoot, now: number): Readonly<Record<string, unknown>> => {
  const { version, epoch, issued, expires, roles, minimumRelease, revokedBundles } = root
  return {
    ...{ version, epoch, issued, expires, daysLeft: daysLeft(root, now) },
    ...{ roles, minimumRelease, revokedBundles },
  }
}
