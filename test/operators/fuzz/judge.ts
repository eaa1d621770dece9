/** What every answer to a request must be, whatever the request. */
import { type Answer, answerFault, faultOf, resolved } from '../documented.ts'
import type { Shot } from './shots.ts'
import type { Json } from './values.ts'

/** Whether a parameter's text is what its schema says; flags and numbers are text on the wire. */
function fits(text: string, schema: Json): boolean {
  const given = resolved(schema)
  if (given['type'] === 'integer') {
    return /^[0-9]{1,12}$/.test(text) && faultOf(given, Number(text)) === undefined
  }
  if (given['type'] === 'boolean') return text === 'true' || text === 'false'
  return faultOf(given, text) === undefined
}

/** Why the document says that this request has to be refused; undefined: it may be answered. */
export function refusal({ operation, pathTexts, query, headers, body }: Shot): string | undefined {
  if (pathTexts === undefined) return undefined
  const texts = new Map<string, string>()
  // API Gateway joins what is given twice.
  for (const [name, text] of query) texts.set(name, texts.has(name) ? `${texts.get(name)},${text}` : text)
  for (const { name, in: place, schema, required } of operation.parameters) {
    const text =
      place === 'path' ? pathTexts[name] : place === 'query' ? texts.get(name) : headers[name.toLowerCase()]
    if (place === 'query') texts.delete(name)
    if (text === undefined ? required : !fits(text, schema)) return `${place} ${name}=${text?.slice(0, 80)}`
  }
  // zod leaves this one name out before anything can look at it.
  texts.delete('__proto__')
  const [unknown] = texts.keys()
  if (unknown !== undefined) return `query has ${unknown}`
  if (operation.body === undefined) return undefined
  try {
    const value = JSON.parse(typeof body === 'string' ? body : Buffer.from(body ?? '').toString())
    return faultOf(operation.body.schema, value)
  } catch {
    return 'the body is not JSON'
  }
}

/** What is wrong with an answer; undefined when nothing is. */
export function verdict(shot: Shot, answer: Answer): string | undefined {
  const { status, headers, body } = answer
  if (status >= 500) return `${status}: ${body.slice(0, 300)}`
  const fault = answerFault(shot.operation, answer, status < 300 ? 'closed' : 'open')
  if (fault !== undefined) return fault
  if (shot.token !== 'good') {
    const expected = shot.token === 'otherScope' ? 403 : 401
    return status === expected || status === 404 || status === 400
      ? undefined
      : `${shot.token} token was answered ${status}`
  }
  if (status === 401 || status === 403) return `${status} with every scope: ${body.slice(0, 200)}`
  const problem = (headers['content-type'] ?? '').startsWith('application/problem+json')
  if (status === 400 && problem) {
    const { field, reason, detail } = JSON.parse(body) as Record<string, unknown>
    if (typeof reason !== 'string' || typeof detail !== 'string' || typeof field !== 'string')
      return `400 without reason or field: ${body.slice(0, 400)}`
    if (body.length > 4_000) return `400 of ${body.length} characters gives back what was sent`
  }
  if (status < 400) {
    const why = refusal(shot)
    if (why !== undefined) return `${status} although ${why}`
  }
  return undefined
}
