import type { MessageContext } from './context.ts'
import { collectionFunctions } from './functions/collection.ts'
import { mathFunctions } from './functions/math.ts'
import { messageFunctions } from './functions/message.ts'
import { stringFunctions } from './functions/string.ts'
import type { Value } from './values.ts'

/** Called with wrong arguments, a function of IoT SQL returns Undefined; it never throws. */
export type SqlFunction = (args: readonly Value[], message: MessageContext) => Value

const FUNCTIONS: ReadonlyMap<string, SqlFunction> = new Map(
  [messageFunctions, stringFunctions, mathFunctions, collectionFunctions].flatMap(table =>
    Object.entries(table),
  ),
)

// Documented by AWS, absent here. Naming them tells "not on AWS either" from "not in the local cloud".
const NOT_IMPLEMENTED = new Set([
  'aws_lambda',
  'get_dynamodb',
  'get_mqtt_property',
  'get_or_default',
  'get_registry_data',
  'get_secret',
  'get_thing_shadow',
  'get_user_properties',
  'machinelearning_predict',
  'md2',
  'parse_time',
  'time_to_epoch',
  'transform',
])

/** Why a function cannot be called, or undefined when it can. `name` is in lower case, as names match in any case. */
export const functionFault = (name: string, written: string): string | undefined => {
  if (FUNCTIONS.has(name) || name === 'encode') return undefined
  return NOT_IMPLEMENTED.has(name)
    ? `the function ${written} is not implemented by the local cloud`
    : `unknown function ${written}`
}

export const callFunction = (name: string, args: readonly Value[], message: MessageContext): Value =>
  FUNCTIONS.get(name)?.(args, message)
