import { createHash } from 'node:crypto'
import type { FleetManifest, ManifestSlot, Release } from '../src/contracts/manifest.ts'
import { readEnvelope, signatureHolds } from './dsse.ts'
import { parseUntrustedJson } from './json.ts'
import type { PinnedKey } from './key.ts'
import { Refusal, refuseAs } from './refusal.ts'
import {
  anyText,
  type Check,
  exactly,
  type Fields,
  fields,
  hex256,
  integer,
  list,
  ShapeError,
  text,
} from './shape.ts'

const STATEMENT = 'https://in-toto.io/Statement/v1'
const FLEET_MANIFEST = 'https://edgeloop.dev/fleet-manifest/v1'
const MAX_PAYLOAD_BYTES = 131_072
const MAX_SLOTS = 1_024

export interface Position {
  readonly epoch: number
  readonly counter: number
}
/** The newest manifest that a device accepted. */
export interface SeenManifest extends Position {
  /** SHA-256 of the signed payload. */
  readonly digest: string
}
export interface ManifestChecks {
  readonly deploymentKey: PinnedKey
  readonly fleet: string
  readonly seen: SeenManifest | null
  /** Milliseconds since 1970. */
  readonly now: number
}
export type VerifiedManifest =
  | { readonly kind: 'new'; readonly digest: string; readonly manifest: FleetManifest }
  | { readonly kind: 'duplicate'; readonly digest: string }

/**
 * Verifies a fleet manifest's envelope (parsed JSON), in the order signature, type, shape, audience, counter,
 * expiry. Nothing may be persisted before this returns.
 * @throws Refusal with a MANIFEST_ code
 */
export function verifyManifest(envelopeValue: unknown, checks: ManifestChecks): VerifiedManifest {
  const envelope = refuseAs('MANIFEST_MALFORMED', () => readEnvelope(envelopeValue, 'manifest'))
  if (!signatureHolds(envelope, checks.deploymentKey))
    throw new Refusal('MANIFEST_SIGNATURE', 'manifest: the signature is not by the pinned deployment key')
  const value = refuseAs('MANIFEST_MALFORMED', () =>
    parseUntrustedJson(envelope.payload, { maxBytes: MAX_PAYLOAD_BYTES, maxDepth: 16 }),
  )
  const statement = refuseAs('MANIFEST_MALFORMED', () =>
    fields(value, 'manifest', ['_type', 'subject', 'predicateType', 'predicate']),
  )
  refuseAs('MANIFEST_TYPE', () => {
    exactly(STATEMENT)(statement['_type'], 'manifest._type')
    exactly(FLEET_MANIFEST)(statement['predicateType'], 'manifest.predicateType')
  })
  const manifest = refuseAs('MANIFEST_MALFORMED', () => readManifest(statement))
  const digest = createHash('sha256').update(envelope.payload).digest('hex')
  const { audience, expires, ...position } = manifest.predicate
  if (audience.fleet !== checks.fleet)
    throw new Refusal('MANIFEST_AUDIENCE', `manifest: is for fleet ${audience.fleet}, not ${checks.fleet}`)
  if (checks.seen !== null) {
    const order = comparePositions(position, checks.seen)
    const seenAt = `${checks.seen.epoch}.${checks.seen.counter}`
    if (order < 0)
      throw new Refusal(
        'MANIFEST_ROLLBACK',
        `manifest: ${position.epoch}.${position.counter} is older than ${seenAt}`,
      )
    if (order === 0 && digest === checks.seen.digest) return { kind: 'duplicate', digest }
    if (order === 0) throw new Refusal('MANIFEST_EQUIVOCATION', `manifest: another content for ${seenAt}`)
  }
  if (Date.parse(expires) <= checks.now)
    throw new Refusal('MANIFEST_EXPIRED', `manifest: expired at ${expires}`)
  return { kind: 'new', digest, manifest }
}

export function comparePositions(a: Position, b: Position): number {
  return Math.sign(a.epoch - b.epoch) || Math.sign(a.counter - b.counter)
}

const NAME = text(/^[a-z0-9](-?[a-z0-9])*$/, 'lower-case letters, digits and single hyphens, at most 30', 30)
const THING = text(/^[a-zA-Z0-9:_-]{1,128}$/, 'letters, digits, `:`, `_` and `-`, at most 128')
const TIME_PATTERN = /^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?Z$/
const time: Check<string> = (value, path) => {
  const found = text(TIME_PATTERN, 'an ISO 8601 time in UTC')(value, path)
  if (Number.isNaN(Date.parse(found))) throw new ShapeError(path, 'a date that exists')
  return found
}
const fraction: Check<number> = (value, path) => {
  if (typeof value !== 'number' || !(value >= 0 && value <= 1)) throw new ShapeError(path, 'from 0 to 1')
  return value
}

function readManifest(statement: Fields): FleetManifest {
  const p = fields(statement['predicate'], 'predicate', [
    'audience',
    'epoch',
    'counter',
    'issued',
    'expires',
    'slots',
  ])
  const slots = list(p['slots'], 'predicate.slots', 1, MAX_SLOTS, readSlot)
  const places = new Set(slots.map(s => `${s.slot} ${s.hardware}`))
  if (places.size !== slots.length) throw new ShapeError('predicate.slots', 'one entry per slot and hardware')
  return {
    _type: STATEMENT,
    subject: list(statement['subject'], 'manifest.subject', 1, 2 * MAX_SLOTS, (item, at) => {
      const s = fields(item, at, ['name', 'digest'])
      const digest = fields(s['digest'], `${at}.digest`, ['sha256'])
      return {
        name: anyText(s['name'], `${at}.name`),
        digest: { sha256: hex256(digest['sha256'], `${at}.digest.sha256`) },
      }
    }),
    predicateType: FLEET_MANIFEST,
    predicate: {
      audience: {
        fleet: NAME(
          fields(p['audience'], 'predicate.audience', ['fleet'])['fleet'],
          'predicate.audience.fleet',
        ),
      },
      epoch: integer(0)(p['epoch'], 'predicate.epoch'),
      counter: integer(1)(p['counter'], 'predicate.counter'),
      issued: time(p['issued'], 'predicate.issued'),
      expires: time(p['expires'], 'predicate.expires'),
      slots,
    },
  }
}

function readSlot(value: unknown, at: string): ManifestSlot {
  const s = fields(value, at, ['slot', 'hardware', 'committed', 'candidate', 'pins'])
  const candidate = (v: unknown, path: string) => {
    const c = fields(v, path, ['rollout', 'release', 'seed', 'exposure'])
    return {
      rollout: text(/^/, 'a string of at most 128 characters', 128)(c['rollout'], `${path}.rollout`),
      release: readRelease(c['release'], `${path}.release`),
      seed: text(/^[\s\S]/, 'a string that is not empty')(c['seed'], `${path}.seed`),
      exposure: fraction(c['exposure'], `${path}.exposure`),
    }
  }
  if (s['pins'] === null || typeof s['pins'] !== 'object' || Array.isArray(s['pins']))
    throw new ShapeError(`${at}.pins`, 'an object')
  const pins = Object.entries(s['pins']).map(
    ([thing, digest]) => [THING(thing, `${at}.pins key`), hex256(digest, `${at}.pins.${thing}`)] as const,
  )
  return {
    slot: NAME(s['slot'], `${at}.slot`),
    hardware: NAME(s['hardware'], `${at}.hardware`),
    committed: s['committed'] === null ? null : readRelease(s['committed'], `${at}.committed`),
    candidate: s['candidate'] === null ? null : candidate(s['candidate'], `${at}.candidate`),
    pins: Object.fromEntries(pins),
  }
}

function readRelease(value: unknown, at: string): Release {
  const r = fields(value, at, ['model', 'version', 'bundle', 'package'])
  const blob = (key: 'bundle' | 'package', max: number) => {
    const b = fields(r[key], `${at}.${key}`, ['sha256', 'length'])
    return {
      sha256: hex256(b['sha256'], `${at}.${key}.sha256`),
      length: integer(1, max)(b['length'], `${at}.${key}.length`),
    }
  }
  return {
    model: NAME(r['model'], `${at}.model`),
    version: integer(1, 1_000_000)(r['version'], `${at}.version`),
    bundle: blob('bundle', 1_048_576),
    package: blob('package', 268_435_456),
  }
}
