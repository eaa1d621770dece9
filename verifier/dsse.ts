import { anyText, base64, exactly, fields, list, ShapeError } from './shape.ts'

export const PAYLOAD_TYPE = 'application/vnd.in-toto+json'

export interface Envelope {
  readonly payload: Buffer
  readonly signature: Buffer
}

/** DSSE v1 pre-authentication encoding: `DSSEv1 SP len(type) SP type SP len(payload) SP payload`. */
export function pae(payloadType: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.byteLength} `
  return Buffer.concat([Buffer.from(head, 'utf8'), payload])
}

/**
 * Reads an envelope with exactly one signature; nothing in it is trusted yet.
 * @throws ShapeError
 */
export function readEnvelope(value: unknown, path: string): Envelope {
  const envelope = fields(value, path, ['payload', 'payloadType', 'signatures'])
  exactly(PAYLOAD_TYPE)(envelope['payloadType'], `${path}.payloadType`)
  const payload = base64(envelope['payload'], `${path}.payload`)
  const [signature] = list(envelope['signatures'], `${path}.signatures`, 1, 1, (item, at) => {
    const { sig, keyid } = fields(item, at, ['sig'], ['keyid'])
    // `keyid` never chooses a key: the key is pinned.
    if (keyid !== undefined && keyid !== null) anyText(keyid, `${at}.keyid`)
    return base64(sig, `${at}.sig`)
  })
  if (signature === undefined) throw new ShapeError(`${path}.signatures`, 'one signature')
  return { payload, signature }
}
