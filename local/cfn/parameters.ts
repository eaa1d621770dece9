/** Parameter values of a template: what was given, else the default, checked as CloudFormation checks them. */
import { type Json, TemplateError } from './template.ts'

export type ParameterValue = string | number | readonly string[]

/**
 * Values for every declared parameter. Throws TemplateError naming a parameter without a value, a given value
 * that no parameter declares, or a value that its declaration forbids.
 */
export function parameterValues(
  declared: Readonly<Record<string, Json>>,
  given: Readonly<Record<string, string>>,
): ReadonlyMap<string, ParameterValue> {
  for (const name of Object.keys(given))
    if (declared[name] === undefined)
      throw new TemplateError(
        `parameter ${name}`,
        'a value was given, but the template declares no such parameter',
      )
  return new Map(Object.entries(declared).map(([name, rule]) => [name, readValue(name, rule, given[name])]))
}

function readValue(name: string, rule: Json, given: string | undefined): ParameterValue {
  const where = `parameter ${name}`
  const type = String(rule['Type'])
  const fallback = rule['Default']
  if (given === undefined && fallback === undefined)
    throw new TemplateError(where, 'has no default; pass a value for it in `parameters`')
  const raw = given ?? String(fallback)
  const shown = rule['NoEcho'] === true || rule['NoEcho'] === 'true' ? '(not shown: NoEcho)' : `"${raw}"`
  const allowed = rule['AllowedValues']
  if (Array.isArray(allowed) && !allowed.map(String).includes(raw))
    throw new TemplateError(where, `${shown} is not one of ${allowed.join(', ')}`)
  const pattern = rule['AllowedPattern']
  if (typeof pattern === 'string' && !new RegExp(`^(?:${pattern})$`).test(raw))
    throw new TemplateError(where, `${shown} does not match the allowed pattern ${pattern}`)
  checkLength(where, rule, raw)
  if (type === 'Number') return toNumber(where, rule, raw)
  if (type === 'CommaDelimitedList' || type.startsWith('List<'))
    return raw.split(',').map(part => part.trim())
  if (type.startsWith('AWS::SSM::'))
    throw new TemplateError(where, `type ${type} is not run by the local cloud; use String`)
  return raw
}

function checkLength(where: string, rule: Json, raw: string): void {
  const min = Number(rule['MinLength'] ?? 0)
  const max = Number(rule['MaxLength'] ?? Number.POSITIVE_INFINITY)
  if (raw.length < min || raw.length > max)
    throw new TemplateError(where, `must be ${min} to ${max} characters long, not ${raw.length}`)
}

function toNumber(where: string, rule: Json, raw: string): number {
  const value = Number(raw)
  if (raw.trim() === '' || !Number.isFinite(value)) throw new TemplateError(where, `"${raw}" is not a number`)
  const min = Number(rule['MinValue'] ?? Number.NEGATIVE_INFINITY)
  const max = Number(rule['MaxValue'] ?? Number.POSITIVE_INFINITY)
  if (value < min || value > max) throw new TemplateError(where, `${raw} is not between ${min} and ${max}`)
  return value
}
