/** Why a device runs what it runs. */
import type { AnswerOf } from '../api.ts'
import type { Io } from '../command.ts'
import { ago, plain } from '../text.ts'

type Device = AnswerOf<'getDevice'>

/** Sentences, the most telling first. */
export function deviceStory(device: Device, { paint, now }: Pick<Io, 'paint' | 'now'>): string[] {
  const { thing, fleet, lastSeen, silent, slots, placements, revocation, rollouts, problems, dropped } =
    device
  const seen = lastSeen === '' ? 'only a report of it is known' : `last heard of ${ago(lastSeen, now())}`
  const lines = [`${paint.bold(thing)} of fleet ${fleet}, ${seen}.`]
  if (revocation !== undefined && revocation.status !== 'LIFTED')
    lines.push(
      paint.bad(
        `It is revoked since ${ago(revocation.since, now())} by ${plain(revocation.by)}: ${plain(revocation.reason)}.`,
      ),
    )
  if (silent) lines.push(paint.warn('It is silent beyond its usual time: what it runs now is not known.'))
  for (const placement of placements) {
    const { slot, wanted, runs, as, explanation, rollout, arm, draw } = placement
    const should = wanted === null ? 'nothing' : `${wanted.model}@${wanted.version}`
    const has = runs === null ? 'nothing' : nameOf(device, slot, runs)
    const mark = as ? paint.good('✓') : paint.warn('!')
    lines.push(`${mark} Slot ${slot} should run ${should} and runs ${has}. ${plain(explanation)}`)
    if (rollout !== null && arm !== null)
      lines.push(
        `  In rollout ${rollout} it is ${inArm(arm)}${draw === null ? '' : ` (draw ${draw.toFixed(3)})`}.`,
      )
    if (!as && placement.because !== 'revoked') lines.push(...whyNot(slots[slot], now(), silent))
  }
  for (const [slot, said] of Object.entries(slots))
    if (!placements.some(p => p.slot === slot))
      lines.push(
        `  Slot ${slot}: it last said ${said.step}${said.code ? ` ${said.code}` : ''} ${ago(said.at, now())}.`,
      )
  for (const { model, version, evidence } of problems)
    lines.push(
      paint.warn(
        `! Its own readings are off for ${model}@${version}: ${evidence.map(e => `${e.name} by ${e.distance.toFixed(2)}`).join(', ')}. That is the device, not the model.`,
      ),
    )
  if (dropped > 0) lines.push(`  It lost ${dropped} messages for want of room.`)
  for (const { rollout, status, outcome, code, arm } of rollouts.slice(0, 3))
    lines.push(
      paint.dim(
        `  ${rollout} (${status}): ${[arm ?? '', outcome ?? 'no outcome yet', code ?? ''].filter(Boolean).join(', ')}`,
      ),
    )
  return lines
}

const inArm = (arm: string): string =>
  arm === 'canary' ? 'a canary' : arm === 'control' ? 'a control' : 'neither canary nor control yet'

function nameOf({ slots }: Device, slot: string, bundle: string): string {
  const release = slots[slot]?.bundle === bundle ? slots[slot]?.release : undefined
  return release === undefined ? `bundle ${bundle.slice(0, 12)}…` : `${release.model}@${release.version}`
}

/** The step at which it came to stand. */
function whyNot(said: Device['slots'][string] | undefined, now: number, silent: boolean): string[] {
  if (said === undefined) return ['  It never said anything about this slot.']
  const { step, code, at } = said
  const last = `  Its last word: ${step}${code === undefined ? '' : ` ${code}`}, ${ago(at, now)}.`
  if (code !== undefined) return [`${last} docs/device.md explains the code.`]
  return silent ? [last] : [`${last} It may be on the way.`]
}
