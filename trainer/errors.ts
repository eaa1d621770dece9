/**
 * An error the person who started the job can fix: bad hyperparameter, bad data, missing channel.
 * The message is one line that names the place and the fix; the job exits with code 1.
 */
export class TrainingInputError extends Error {
  override readonly name = 'TrainingInputError'
}

/** The text for `output/failure`: one line, at most 1,024 characters (DescribeTrainingJob's FailureReason). */
export function failureText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const text = error instanceof TrainingInputError ? message : `Internal error: ${message}`
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length <= 1024 ? line : `${line.slice(0, 1023)}…`
}
