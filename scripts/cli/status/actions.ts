/** The command that goes with what wants a person. */
import type * as z from 'zod'
import type { attention } from '../../../src/contracts/api/operations.ts'
import { plain } from '../text.ts'

type Attention = z.infer<typeof attention>

/** In a shell as it stands; without a command of its own what the API advises. */
export function actionFor({ kind, subject, action, link }: Attention): string {
  const of = quoted(subject)
  switch (kind) {
    case 'rollout-approval':
      return `npx edgeloop rollouts approve ${of} --reason "…"`
    case 'rollout-planned':
      return `npx edgeloop rollouts start ${of} --reason "…"`
    case 'rollout-held':
    case 'rolled-back':
      return `npx edgeloop why ${of}`
    case 'harm':
    case 'drift':
      return `npx edgeloop models ${of}`
    case 'device-problem':
      return link.startsWith('#/devices/') ? `npx edgeloop why ${of}` : `npx edgeloop models ${of}`
    case 'devices-silent':
      return `npx edgeloop devices ${of} --silent`
    case 'dead-letters':
      return `npx edgeloop dead-letters ${of}`
    case 'retrain-suppressed':
      return `npx edgeloop decisions --model ${of} --held-back`
    case 'version-rejected':
    case 'training-failed':
      return `npx edgeloop versions ${quoted(subject.split('@')[0] ?? subject)}`
    case 'reviews':
      return `npx edgeloop label ${of}`
    case 'stale-telemetry':
    case 'reconciler':
    case 'manifest-unpublished':
      return plain(action)
  }
}

const quoted = (text: string): string =>
  /^[A-Za-z0-9@._:-]+$/.test(text) ? text : `'${plain(text).replaceAll("'", `'\\''`)}'`
