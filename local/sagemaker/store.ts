/** Job records that outlive the process: one JSON file each, replaced atomically at every change. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface JobStore<Job> {
  get(name: string): Job | undefined
  all(): Iterable<Job>
  save(job: Job): void
  remove(name: string): void
}

/** Reads what is in the folder; a file that cannot be read is skipped and reported. */
export function createJobStore<Job extends { readonly name: string }>(
  dir: string,
  onDamaged: (file: string, error: unknown) => void,
): JobStore<Job> {
  mkdirSync(dir, { recursive: true })
  const jobs = new Map<string, Job>()
  const fileOf = (name: string): string => join(dir, `${name}.json`)
  for (const file of readdirSync(dir).filter(each => each.endsWith('.json'))) {
    try {
      const job = JSON.parse(readFileSync(join(dir, file), 'utf8')) as Job
      jobs.set(job.name, job)
    } catch (error) {
      onDamaged(file, error)
    }
  }
  return {
    get: name => jobs.get(name),
    all: () => jobs.values(),
    save(job) {
      jobs.set(job.name, job)
      // Synchronous: a state that a caller has seen is on disk, and two changes cannot overtake each other.
      writeFileSync(`${fileOf(job.name)}.new`, JSON.stringify(job))
      renameSync(`${fileOf(job.name)}.new`, fileOf(job.name))
    },
    remove(name) {
      jobs.delete(name)
      rmSync(fileOf(name), { force: true })
    },
  }
}
