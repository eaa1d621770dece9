/** Steps of a verification: each says what it proves, or with which code it fails. */
import { type ReasonCode, Refusal, type Release } from '../../verifier/index.ts'

export interface Step {
  readonly name: string
  /** `note`: nothing was checked, and that is no fault. */
  readonly outcome: 'holds' | 'broken' | 'note' | 'unchecked'
  readonly text: string
  /** What a device would report; NOT_NAMED is this command's own. */
  readonly code?: ReasonCode | 'NOT_NAMED'
}
export interface Walk {
  readonly steps: readonly Step[]
  readonly broken: Step | undefined
  readonly release: Release | undefined
}

/** A step did not hold; it is recorded. */
export class Broken extends Error {}

export interface StepRecorder {
  /** Runs a check that answers with its result and what it proves. @throws Broken when it is refused */
  run<T>(name: string, check: () => readonly [T, string]): T
  /** A check that is no step of its own: only its failure is recorded. @throws Broken */
  quietly<T>(name: string, check: () => T): T
  note(name: string, text: string): void
  fail(name: string, code: NonNullable<Step['code']>, text: string): never
  done(release: Release | undefined): Walk
}

/** @param order names of the steps that come in any case, for those that are not reached */
export function makeSteps(order: readonly string[]): StepRecorder {
  const steps: Step[] = []
  const fail: StepRecorder['fail'] = (name, code, text) => {
    steps.push({ name, outcome: 'broken', code, text })
    throw new Broken()
  }
  const quietly: StepRecorder['quietly'] = (name, check) => {
    try {
      return check()
    } catch (error) {
      if (error instanceof Refusal) return fail(name, error.code, error.message)
      throw error
    }
  }
  return {
    quietly,
    fail,
    run(name, check) {
      const [result, text] = quietly(name, check)
      steps.push({ name, outcome: 'holds', text })
      return result
    },
    note(name, text) {
      steps.push({ name, outcome: 'note', text })
    },
    done(release) {
      const broken = steps.find(step => step.outcome === 'broken')
      const reached = Math.max(...steps.map(step => (step === broken ? -1 : order.indexOf(step.name))))
      if (broken !== undefined)
        for (const name of order.slice(reached + 1).filter(name => name !== broken.name))
          steps.push({ name, outcome: 'unchecked', text: 'not checked' })
      return { steps, broken, release }
    },
  }
}
