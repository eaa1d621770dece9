/** A statement that cannot be evaluated against this message: the rule fails and its error action runs. */
export class SqlEvaluationError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SqlEvaluationError'
  }
}
