import type { Package } from '../package.ts'
import type { Power } from '../ports.ts'
import type { Trial } from '../trial.ts'

export interface Scenario {
  readonly name: string
  /** Requirements that it judges. What it does not come to judge counts as failed. */
  readonly ids: readonly string[]
  readonly needs?: readonly Power[]
  /** Waits until the device has given up something; left out by the quick profile. */
  readonly slow?: boolean
  /** Needs an implementation that answers rows. */
  readonly rows?: boolean
  /** Needs a runtime whose self-test the kit can make: see `makePackage`. */
  readonly model?: boolean
  /** Needs a storage that the kit can take away. */
  readonly loses?: boolean
  run(trial: Trial): Promise<void>
}

/** Publishes what a good cloud has, and starts the device. */
export async function ready({ cloud, owner, device }: Trial): Promise<void> {
  cloud.beacon = owner.beacon()
  cloud.publish()
  await device.start()
}
/** A device that runs version 1. */
export async function installed(trial: Trial): Promise<Package> {
  await ready(trial)
  const one = trial.owner.pack(1)
  await trial.install(one)
  return one
}
export const active = (
  trial: Trial,
  hello: { body: { slots: Readonly<Record<string, { active: string | null }>> } },
) => hello.body.slots[trial.owner.target.slot]?.active ?? null

export const short = (digest: string | null | undefined): string =>
  digest ? `${digest.slice(0, 12)}…` : 'none'
