import * as z from 'zod'

/** Names end up in topics, S3 keys, SageMaker job names and IoT policies, so they are kept to what all allow. */
export const modelName = z
  .string()
  .regex(/^[a-z0-9](-?[a-z0-9])*$/, 'lower-case letters, digits and single hyphens')
  .max(30)
export const fleetName = modelName
export const slotName = modelName
export const hardwareName = modelName
export const runtimeName = modelName
/** AWS IoT thing names allow `[a-zA-Z0-9:_-]{1,128}`. */
export const thingName = z
  .string()
  .regex(/^[a-zA-Z0-9:_-]{1,128}$/, 'letters, digits, `:`, `_` and `-`, at most 128')
/** Lower-case hex SHA-256. */
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits')
export const featureName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/, 'a letter, then letters, digits, `_`, `.`, `-`; at most 64')
export const versionNumber = z.int().min(1).max(1_000_000)
export const timestamp = z.iso.datetime()
