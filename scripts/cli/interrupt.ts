/** What has to be put right when somebody presses Ctrl-C. */
const cleanups: (() => unknown)[] = []

/** A person wants to stop: exit status 130, and nothing is said. */
export class Interrupted extends Error {}

/** @returns takes it back, once there is nothing to put right any more */
export function onInterrupt(cleanup: () => unknown): () => void {
  cleanups.push(cleanup)
  return () => {
    const at = cleanups.lastIndexOf(cleanup)
    if (at >= 0) cleanups.splice(at, 1)
  }
}

/** Runs them, the newest first; one that fails does not keep the others from theirs. */
export async function interrupted(): Promise<void> {
  for (let next = cleanups.pop(); next !== undefined; next = cleanups.pop())
    try {
      await next()
    } catch {
      // The process ends; what it could not tidy up is no reason to stay.
    }
}
