import { checkShare, type Exceeds, mixtureLogE, priorAbove } from './mixture.ts'

/** Devices with at least one event since the phase began, per arm. */
export interface ArmCounts {
  readonly canary: number
  readonly control: number
}

/** Rate ratio that the test is tuned for. */
const RATIO = 2

/**
 * Probability that the next device to have its first event is a canary, when canaries are `share` of both arms'
 * devices and their event rate is `ratio` times the control's.
 */
export const canaryShare = (share: number, ratio: number): number =>
  (share * ratio) / (share * ratio + 1 - share)

/**
 * Stop test on events in two concurrent arms: is the canary's rate above `ratio` times the control's? While it is not,
 * a new event falls in the canary with probability at most p0 = share·ratio / (share·ratio + 1 − share), *whatever the
 * common rate does*: an outage that hits both arms adds events, not evidence. The e-process of `mixture.ts` on
 * (canary, canary + control) against p0; α holds over any number of looks.
 *
 * Unit: a **device with at least one event**, each counted once, never the event: one device in a crash loop sends a
 * thousand dependent events and would decide alone. Counting it once per window has the same fault: a device that is
 * ill from before counts again in every window, and stops healthy rollouts (measured in bench/rollouts). Counted once,
 * the labels of the devices are a random permutation, drawn without replacement, which spreads less than the
 * independent draws the e-process assumes. Where most devices have events anyway the count saturates: use each
 * device's own number of events as its value in `meanExceeds`.
 *
 * `share` = canary devices / (canary + control devices), fixed while counts run on: the largest that is reached. A
 * canary that was exposed later or shorter than the control can only have fewer events than the same device would have
 * with equal time, and the evidence grows with canary events, so p0 stays an upper bound.
 * @throws RangeError on counts that cannot be, or share, α or ratio out of range
 */
export function countExceeds(
  { canary, control }: ArmCounts,
  share: number,
  alpha: number,
  ratio = 1,
): Exceeds {
  for (const [name, count] of Object.entries({ canary, control }))
    if (!Number.isSafeInteger(count) || count < 0)
      throw new RangeError(`${name} must be a whole number of devices; got ${count}`)
  checkShare('share', share)
  checkShare('alpha', alpha)
  if (!(ratio > 0 && Number.isFinite(ratio)))
    throw new RangeError(`ratio must be a positive number; got ${ratio}`)
  const p0 = canaryShare(share, ratio)
  const evidence = mixtureLogE({ failed: canary, total: canary + control }, p0, priorAbove(p0, RATIO))
  return { exceeds: evidence >= -Math.log(alpha), evidence }
}
