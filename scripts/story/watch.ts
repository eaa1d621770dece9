/** Follows the domain bus of the local cloud: what happened so far, and what is being waited for. */
import type { Cloud } from '../../local/cloud.ts'

export interface SeenEvent {
  readonly type: string
  readonly at: number
  readonly data: Readonly<Record<string, unknown>>
}

/** Events after which a step that waits for success will wait in vain. */
const FAILURES: Readonly<Record<string, (data: Readonly<Record<string, unknown>>) => string>> = {
  TrainingFailed: d => `training of version ${d['version']} failed: ${d['reason']}`,
  ModelVersionRejected: d =>
    `version ${d['version']} did not pass its gate: ${(d['reasons'] as string[]).join('; ')}`,
  CompilationFailed: d => `compiling version ${d['version']} for ${d['hardware']} failed: ${d['reason']}`,
  RolloutHeld: d => `rollout ${d['rollout']} is held in phase ${d['phase']}: ${d['reason']}`,
  RolloutAborted: d => `rollout ${d['rollout']} was aborted: ${d['reason']}`,
  RolloutRolledBack: d => `rollout ${d['rollout']} was rolled back: ${d['reason']}`,
}

export interface Watch {
  readonly events: readonly SeenEvent[]
  /** The first event of the type, past or future, that fits. Rejects on a failure event, a refusal of IAM, or after `seconds`. */
  until(type: string, seconds: number, fits?: (data: SeenEvent['data']) => boolean): Promise<SeenEvent>
  /** Resolves when the condition, looked at often, holds. */
  holds(what: string, seconds: number, condition: () => boolean): Promise<void>
  on(type: string, listener: (event: SeenEvent) => void): void
  /** Follows the bus no longer: what goes on for hours would be remembered for hours. */
  stop(): void
}

export function watch(cloud: Cloud): Watch {
  const events: SeenEvent[] = []
  const listeners = new Set<() => void>()
  const byType = new Map<string, ((event: SeenEvent) => void)[]>()
  let fault: Error | undefined
  const wake = (): void => {
    for (const listener of [...listeners]) listener()
  }
  cloud.onDenied(({ functionName, principal, action, resource }) => {
    fault ??= new Error(
      `IAM refused: ${functionName ?? principal.roleName ?? principal.arn} may not ${action} on ${resource}`,
    )
    wake()
  })
  const stop = cloud.events.onEvent((event, bus) => {
    if (bus === 'default') return
    const type = String(event['detail-type'])
    const { data } = event['detail'] as { data: SeenEvent['data'] }
    const seen = { type, at: Date.now(), data }
    events.push(seen)
    const failed = FAILURES[type]
    if (failed) fault ??= new Error(failed(data))
    for (const listener of byType.get(type) ?? []) listener(seen)
    wake()
  })
  const wait = <T>(what: string, seconds: number, look: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const settle = (end: () => void): void => {
        listeners.delete(check)
        clearInterval(poll)
        clearTimeout(timer)
        end()
      }
      const check = (): void => {
        const found = look()
        if (found !== undefined) settle(() => resolve(found))
        else if (fault) settle(() => reject(fault))
      }
      const poll = setInterval(check, 100)
      const timer = setTimeout(
        () => settle(() => reject(new Error(`${what} did not come within ${seconds} s`))),
        seconds * 1000,
      )
      listeners.add(check)
      check()
    })
  return {
    events,
    until: (type, seconds, fits = () => true) =>
      wait(type, seconds, () => events.find(e => e.type === type && fits(e.data))),
    holds: (what, seconds, condition) =>
      wait(what, seconds, () => (condition() ? true : undefined)).then(() => undefined),
    on(type, listener) {
      byType.set(type, [...(byType.get(type) ?? []), listener])
    },
    stop,
  }
}
