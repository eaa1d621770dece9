/** A trust root in plain words, and what a link changes against the one before it. */
import type { TrustRoot } from '../../verifier/index.ts'
import { type Paint, short } from './paint.ts'

export const WARN_DAYS = 90
const DAY_MS = 86_400_000

const SIGNS = {
  root: 'the next trust root',
  model: 'packages',
  deployment: 'fleet manifests and freshness beacons',
} as const

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
      changes.push({ text: `${role} key ${short(id)} is taken out`, ...takenOut(role, before, next) })
  }
  const [was, is] = [before.roles.root.threshold, next.roles.root.threshold]
  if (was !== is) changes.push({ text: `root signatures that are needed: ${is}, was ${was}` })
  if (next.epoch !== before.epoch)
    changes.push({
      text: `epoch ${next.epoch} begins`,
      warning: 'every manifest and beacon signed so far becomes void; the stack signs new ones by itself',
    })
  changes.push(...barChanges(before, next))
  changes.push({ text: `valid until ${next.expires.slice(0, 10)}, was ${before.expires.slice(0, 10)}` })
  return changes
}

function takenOut(
  role: 'root' | 'model' | 'deployment',
  before: TrustRoot,
  next: TrustRoot,
): Pick<Change, 'warning'> {
  if (role === 'model')
    return {
      warning:
        'devices refuse to install packages that only this key has signed; what runs already goes on running',
    }
  if (role === 'deployment' && before.epoch === next.epoch)
    return {
      warning:
        'no new epoch begins: devices go on believing the counters, times and bars that this key gave them. Right if it was replaced as planned, wrong if it was stolen',
    }
  return {}
}

function barChanges(before: TrustRoot, next: TrustRoot): Change[] {
  const changes: Change[] = []
  for (const [model, minimum] of Object.entries(next.minimumRelease))
    if (before.minimumRelease[model] !== minimum)
      changes.push({
        text: `lowest release of ${model} that may run: ${minimum}, was ${before.minimumRelease[model] ?? 'any'}`,
      })
  for (const model of Object.keys(before.minimumRelease))
    if (!Object.hasOwn(next.minimumRelease, model))
      changes.push({ text: `every release of ${model} may run again` })
  for (const bundle of next.revokedBundles.filter(b => !before.revokedBundles.includes(b)))
    changes.push({ text: `bundle ${short(bundle)} may not run any more` })
  for (const bundle of before.revokedBundles.filter(b => !next.revokedBundles.includes(b)))
    changes.push({ text: `bundle ${short(bundle)} may run again` })
  return changes
}

/** For --json. */
export const rootFacts = (root: TrustRoot, now: number): Readonly<Record<string, unknown>> => {
  const { version, epoch, issued, expires, roles, minimumRelease, revokedBundles } = root
  return {
    ...{ version, epoch, issued, expires, daysLeft: daysLeft(root, now) },
    ...{ roles, minimumRelease, revokedBundles },
  }
}
