import type { Expression } from '../sql/ast.ts'
import type { MessageContext } from '../sql/context.ts'
import { SqlEvaluationError } from '../sql/errors.ts'
import { evaluateExpression } from '../sql/evaluate.ts'
import { parseTemplateExpression } from '../sql/parser.ts'
import { toText } from '../sql/values.ts'

/** A string of a rule action with its substitution templates `${expression}` parsed. */
export interface Template {
  readonly source: string
  readonly parts: readonly (string | Expression)[]
}

/** Throws SqlParseError when an expression in it cannot be parsed. */
export const parseTemplate = (source: string): Template => {
  const parts: (string | Expression)[] = []
  let at = 0
  for (;;) {
    const open = source.indexOf('${', at)
    if (open < 0) break
    if (open > at) parts.push(source.slice(at, open))
    const { expression, end } = parseTemplateExpression(source, open + 2)
    parts.push(expression)
    at = end + 1
  }
  if (at < source.length) parts.push(source.slice(at))
  return { source, parts }
}

/** Evaluates the templates against the original message; SELECT aliases are not in scope, as on AWS. */
export const renderTemplate = (template: Template, message: MessageContext): string =>
  template.parts
    .map(part => {
      if (typeof part === 'string') return part
      const text = toText(evaluateExpression(part, message))
      if (text === undefined)
        throw new SqlEvaluationError(
          `the substitution template in "${template.source}" has no value for this message`,
        )
      return text
    })
    .join('')
