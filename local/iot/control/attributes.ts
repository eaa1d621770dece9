import { asRecord, invalidRequest } from './call.ts'

// Constraints of AWS IoT's AttributePayload; values go into policy variables, and none of these characters is a
// policy wildcard.
const NAME = /^[a-zA-Z0-9_.,@/:#-]{1,128}$/
const VALUE = /^[a-zA-Z0-9_.,@/:#=[\]-]{0,800}$/
const MAX_WITHOUT_TYPE = 3
const MAX_WITH_TYPE = 50

/**
 * Attributes after an `attributePayload`: it replaces those there are, or with `merge` changes single ones. An
 * empty value removes an attribute.
 */
export const mergeAttributes = (
  current: Readonly<Record<string, string>>,
  payload: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> => {
  const given = asRecord(payload['attributes'] ?? {}, 'attributePayload.attributes')
  const merged = new Map(payload['merge'] === true ? Object.entries(current) : [])
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string') throw invalidRequest(`the attribute ${name} must be a string`)
    if (value === '') merged.delete(name)
    else merged.set(name, value)
  }
  return Object.fromEntries(merged)
}

/** Throws InvalidRequestException for names, values or a number of attributes that AWS IoT refuses. */
export const checkAttributes = (
  attributes: Readonly<Record<string, string>>,
  thingTypeName: string | undefined,
): void => {
  const entries = Object.entries(attributes)
  const allowed = thingTypeName === undefined ? MAX_WITHOUT_TYPE : MAX_WITH_TYPE
  if (entries.length > allowed)
    throw invalidRequest(
      `a thing ${thingTypeName === undefined ? 'without a thing type' : 'with a thing type'} has at most ${allowed} attributes; got ${entries.length}`,
    )
  for (const [name, value] of entries) {
    if (!NAME.test(name))
      throw invalidRequest(`attribute name ${JSON.stringify(name)} must match ${NAME.source}`)
    if (!VALUE.test(value)) throw invalidRequest(`the value of attribute ${name} must match ${VALUE.source}`)
  }
}
