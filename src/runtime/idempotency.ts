/** `Idempotency-Key`: one command, one identity and one answer for a day, however often it comes. */
import * as z from 'zod'
import { keys } from '../domain/entities.ts'
import { EdgeloopError, InputError } from '../domain/errors.ts'
import type { Core } from '../domain/ports.ts'
import { type Key, put, type Row } from '../domain/store.ts'
import { sha256Hex } from '../domain/training/plan.ts'
import { retryOnConflict } from './events.ts'
import { type HttpResponse, problem, respond } from './http.ts'

const KEEP_MS = 24 * 3_600_000
const idempotencyKey = z.string().regex(/^[!-~]{1,200}$/, '1 to 200 printable characters without spaces')
/** One key of one person: the request that it stands for and, once that was carried out, what it was answered. */
interface KeyRow {
  readonly digest: string
  /** Identity of the command, however often it comes. */
  readonly request: string
  /** ISO; a day after it was answered, or came. Rows go some time after that. */
  readonly until: string
  readonly answer?: { readonly status: number; readonly body: unknown }
}

/** What one request says: who, with which key, and a digest of all that it asks for. */
export interface Keyed {
  readonly key: Key
  readonly digest: string
  /** Id of this request. */
  readonly instance: string
  readonly vault?: Vault
}
/** Of answers with something in them that may not be kept: without it, and with it again. */
export interface Vault {
  strip(body: unknown): unknown
  restore(body: unknown): Promise<unknown>
}

/** @throws InputError BAD_IDEMPOTENCY_KEY; undefined without the header */
export function keyOf(sub: string, headers: Readonly<Record<string, string>>): Key | undefined {
  const given = headers['idempotency-key']
  if (given === undefined) return undefined
  const parsed = idempotencyKey.safeParse(given)
  if (!parsed.success)
    throw new InputError(
      'BAD_IDEMPOTENCY_KEY',
      `Idempotency-Key: ${parsed.error.issues[0]?.message}`,
      'idempotency-key',
    )
  return keys.idempotency(sha256Hex(`${sub}\0${given}`).slice(0, 32))
}

/** The answer that this request gets without being carried out: the kept one, or the refusal of another request. */
export async function answered(core: Core, asked: Keyed): Promise<HttpResponse | undefined> {
  const row = await read(core, asked.key)
  return row === undefined || over(row, core.now()) ? undefined : await again(row.data, asked)
}

/**
 * Before the command: what this key stands for from now on. That is this request, or the one that came before it, whose
 * identity the command then has; or an answer.
 */
export function claimKey(core: Core, asked: Keyed): Promise<{ readonly request: string } | HttpResponse> {
  return retryOnConflict(async () => {
    const row = await read(core, asked.key)
    const now = core.now()
    if (row !== undefined && !over(row, now))
      return (await again(row.data, asked)) ?? { request: row.data.request }
    const until = aDayAfter(now)
    const data: KeyRow = { digest: asked.digest, request: asked.instance, until: until.toISOString() }
    await core.store.commit([put(asked.key, data, row, { ttl: seconds(until) })])
    return { request: asked.instance }
  })
}

/** After a refusal, which changed nothing: the key may come again with a body that was mended. */
export async function releaseKey(core: Core, key: Key, request: string): Promise<void> {
  const row = await read(core, key)
  if (row?.data.request !== request || row.data.answer !== undefined) return
  const now = core.now()
  try {
    await core.store.commit([put(key, { ...row.data, until: now.toISOString() }, row, { ttl: seconds(now) })])
  } catch (error) {
    if (!(error instanceof EdgeloopError && error.code === 'CONFLICT')) throw error
  }
}

/**
 * After the command: a crash between the two leaves a command that comes to the same when it is given again. Of two at
 * the same time, which have both done it, the first to be kept is the answer of both.
 */
export function keepAnswer(
  core: Core,
  asked: Keyed,
  request: string,
  answer: NonNullable<KeyRow['answer']>,
): Promise<HttpResponse> {
  return retryOnConflict(async () => {
    const row = await read(core, asked.key)
    const first = row?.data.request === request && row.data.answer ? await again(row.data, asked) : undefined
    if (first !== undefined) return first
    // Its twin may have found it done, been refused, and let go of the key.
    if (row?.data.request === request) {
      const until = aDayAfter(core.now())
      const kept = asked.vault ? { ...answer, body: asked.vault.strip(answer.body) } : answer
      const data = { ...row.data, answer: kept, until: until.toISOString() }
      await core.store.commit([put(asked.key, data, row, { ttl: seconds(until) })])
    }
    return respond(answer.status, answer.body)
  })
}

const read = ({ store }: Core, key: Key): Promise<Row<KeyRow> | undefined> => store.get<KeyRow>(key)
const over = ({ data }: Row<KeyRow>, now: Date): boolean => data.until <= now.toISOString()
const aDayAfter = (now: Date): Date => new Date(now.getTime() + KEEP_MS)
const seconds = (at: Date): number => Math.floor(at.getTime() / 1_000)

async function again({ digest, answer }: KeyRow, asked: Keyed): Promise<HttpResponse | undefined> {
  if (digest !== asked.digest)
    return problem(
      422,
      'IDEMPOTENCY_KEY_REUSED',
      'this key came with another request in the last 24 hours; a new request needs a new key',
      { instance: asked.instance },
    )
  if (answer === undefined) return undefined
  const body = asked.vault ? await asked.vault.restore(answer.body) : answer.body
  return respond(answer.status, body, { 'idempotency-replayed': 'true' })
}
