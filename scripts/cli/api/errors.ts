/** What the API answers when it does not answer the question. */
import { gatewayMessage, type Problem, problem } from '../../../src/contracts/api/problem.ts'
import { UsageError } from '../../lib/options.ts'
import { CloudError } from '../command.ts'

/** A request that the API understood and did not grant. */
export class ApiProblem extends Error {
  readonly status: number
  readonly code: string
  readonly field: string | undefined
  readonly instance: string | undefined
  constructor({
    status,
    code,
    detail,
    field,
    instance,
  }: Partial<Problem> & { readonly status: number; readonly detail: string }) {
    super(field === undefined || detail.includes(field) ? detail : `${field}: ${detail}`)
    this.status = status
    this.code = code ?? 'FAILED'
    this.field = field
    this.instance = instance
  }
}

const HOW = 'npx edgeloop login, or a token in the variable TOKEN'

/** @param scope that the operation needs, undefined where it is not known */
export function errorOf(status: number, body: unknown, scope: string | undefined): Error {
  const known = problem.safeParse(body)
  if (known.success) return ofProblem(known.data, scope)
  const said = gatewayMessage.safeParse(body)
  const detail = said.success ? said.data.message : `status ${status}`
  const needed = scope === undefined ? '' : `; it needs the scope ${scope}`
  if (status === 401) return new CloudError(`the API does not let this token in (${detail}): ${HOW}`)
  if (status === 403) return new CloudError(`the API does not let this token in (${detail})${needed}`)
  if (status === 400 || status === 404 || status === 410) return new UsageError(detail)
  if (status === 409) return new ApiProblem({ status, detail, code: 'CONFLICT' })
  return new CloudError(`the API answered with ${status}: ${detail}`)
}

function ofProblem(said: Problem, scope: string | undefined): Error {
  if (said.status === 403)
    return new CloudError(
      `the API does not allow this: ${said.detail}${scope === undefined ? '' : `; it needs the scope ${scope}`}`,
    )
  return new ApiProblem(said)
}
