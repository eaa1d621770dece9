/** Progress of the story: a line per step, and the same as facts for the report. */
export interface StepFact {
  readonly name: string
  readonly ms: number
  /** Resident memory of the process tree at the end of the step. */
  readonly memoryMb: number
  readonly outcome: 'done' | 'failed'
  readonly what: string
}

export class StepFailed extends Error {
  readonly step: string
  constructor(step: string, cause: unknown) {
    super(`${step}: ${(cause as Error).message}`, { cause })
    this.step = step
  }
}

export interface Steps {
  readonly facts: readonly StepFact[]
  /** Runs one step; `what` of its result is the sentence that is shown. */
  run<T extends { readonly what: string }>(name: string, next: string, work: () => Promise<T>): Promise<T>
}

export function makeSteps(write: (line: string) => void, memoryMb: () => number): Steps {
  const now = () => performance.now()
  const facts: StepFact[] = []
  const line = (mark: string, name: string, ms: number, what: string) =>
    write(`${mark} ${name.padEnd(22)} ${(ms / 1000).toFixed(1).padStart(5)} s  ${what}\n`)
  return {
    facts,
    async run(name, next, work) {
      const started = now()
      try {
        const result = await work()
        const ms = Math.round(now() - started)
        facts.push({ name, ms, memoryMb: memoryMb(), outcome: 'done', what: result.what })
        line('✓', name, ms, result.what)
        if (next !== '') write(`  … next: ${next}\n`)
        return result
      } catch (error) {
        const ms = Math.round(now() - started)
        facts.push({ name, ms, memoryMb: memoryMb(), outcome: 'failed', what: (error as Error).message })
        line('✗', name, ms, (error as Error).message)
        throw new StepFailed(name, error)
      }
    },
  }
}
