import { keys, listings, type RejectionRow } from './entities.ts'
import { EdgeloopError, type InputError } from './errors.ts'
import type { Core } from './ports.ts'
import type { Cause } from './store.ts'
import { sha256Hex } from './training/plan.ts'

const KEEP_DAYS = 90
const EXCERPT_BYTES = 256

export interface Refused {
  readonly channel: RejectionRow['channel']
  /** What was refused: an object's key, a topic, an event id. */
  readonly subject: string
  /** Tells two refusals of one subject apart: a version id, a payload digest. */
  readonly instance: string
  readonly model?: string
  readonly thing?: string
  readonly payload?: Uint8Array
}

/**
 * Keeps a refused input where an operator sees it: a record and an event, once, however often the same input is
 * delivered.
 */
export async function rejectInput(
  core: Core,
  refused: Refused,
  error: InputError,
  cause?: Cause,
): Promise<void> {
  const id = sha256Hex([refused.channel, refused.subject, refused.instance, error.reason].join('\0')).slice(
    0,
    32,
  )
  const at = core.now().toISOString()
  const row: RejectionRow = {
    rejection: id,
    channel: refused.channel,
    subject: refused.subject.slice(0, 1024),
    code: error.reason,
    reason: error.message.slice(0, 1024),
    at,
    ...(error.field ? { field: error.field } : {}),
    ...(refused.model ? { model: refused.model } : {}),
    ...(refused.thing ? { thing: refused.thing } : {}),
    ...(refused.payload
      ? { excerpt: Buffer.from(refused.payload.subarray(0, EXCERPT_BYTES)).toString('base64') }
      : {}),
  }
  const { at: _at, excerpt: _excerpt, ...data } = row
  core.log.warn('INPUT_REJECTED', data)
  try {
    await core.store.commit(
      [
        {
          kind: 'put',
          key: keys.rejection(id),
          data: row,
          expect: 'absent',
          list: { pk: listings.rejections, sk: `${at}#${id}` },
          ttl: Math.floor(core.now().getTime() / 1000) + KEEP_DAYS * 86_400,
        },
      ],
      [{ type: 'InputRejected', data }],
      cause,
    )
    core.count('InputsRejected')
  } catch (conflict) {
    if (!(conflict instanceof EdgeloopError && conflict.code === 'CONFLICT')) throw conflict
  }
}
