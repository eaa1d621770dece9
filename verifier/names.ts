import type { Bars, BlobRef, Release } from './documents.ts'
import { type Check, fields, hex256, integer, list, ShapeError, text } from './shape.ts'

/** Shapes that several documents share. */
export const name = text(
  /^[a-z0-9](-?[a-z0-9])*$/,
  'lower-case letters, digits and single hyphens, at most 30',
  30,
)
export const thing = text(/^[a-zA-Z0-9:_-]{1,128}$/, 'letters, digits, `:`, `_` and `-`, at most 128')

const TIME = /^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?Z$/
export const time: Check<string> = (value, path) => {
  const found = text(TIME, 'an ISO 8601 time in UTC', 32)(value, path)
  if (Number.isNaN(Date.parse(found))) throw new ShapeError(path, 'a date that exists')
  return found
}
/** `issued` before `expires`. */
export function period(p: Readonly<Record<string, unknown>>, path: string) {
  const issued = time(p['issued'], `${path}.issued`)
  const expires = time(p['expires'], `${path}.expires`)
  if (Date.parse(expires) <= Date.parse(issued)) throw new ShapeError(`${path}.expires`, 'after `issued`')
  return { issued, expires }
}

export const MAX_REVOKED = 512
export const MAX_MINIMA = 256
export function bars(p: Readonly<Record<string, unknown>>, path: string): Bars {
  const minima = table(p['minimumRelease'], `${path}.minimumRelease`, MAX_MINIMA, name, integer(1, 1_000_000))
  return {
    minimumRelease: minima,
    revokedBundles: list(p['revokedBundles'], `${path}.revokedBundles`, 0, MAX_REVOKED, hex256),
  }
}

/** An object used as a map. */
export function table<T>(
  value: unknown,
  path: string,
  max: number,
  key: Check<string>,
  item: Check<T>,
): Readonly<Record<string, T>> {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new ShapeError(path, 'an object')
  const entries = Object.entries(value)
  if (entries.length > max) throw new ShapeError(path, `an object of at most ${max} entries`)
  return Object.fromEntries(entries.map(([k, v]) => [key(k, `${path} key`), item(v, `${path}.${k}`)]))
}

const blob =
  (max: number) =>
  (value: unknown, at: string): BlobRef => {
    const b = fields(value, at, ['sha256', 'length'])
    return {
      sha256: hex256(b['sha256'], `${at}.sha256`),
      length: integer(1, max)(b['length'], `${at}.length`),
    }
  }
export const release: Check<Release> = (value, at) => {
  const r = fields(value, at, ['model', 'version', 'runtime', 'bundle', 'package'])
  return {
    model: name(r['model'], `${at}.model`),
    version: integer(1, 1_000_000)(r['version'], `${at}.version`),
    runtime: name(r['runtime'], `${at}.runtime`),
    bundle: blob(1_048_576)(r['bundle'], `${at}.bundle`),
    package: blob(268_435_456)(r['package'], `${at}.package`),
  }
}
