import { generateKeyPairSync, sign } from 'node:crypto'
import { thingName } from '../src/contracts/names.ts'

/** ub-common-name of X.520; the thing's whole name is in the registry. */
const COMMON_NAME_MAX = 64

const TAG = {
  integer: 0x02,
  bits: 0x03,
  oid: 0x06,
  utf8: 0x0c,
  sequence: 0x30,
  set: 0x31,
  attributes: 0xa0,
} as const
const OID_COMMON_NAME = Buffer.from('550403', 'hex')
const OID_ECDSA_SHA256 = Buffer.from('2a8648ce3d040302', 'hex')

/**
 * A new EC P-256 key and a PKCS#10 request (RFC 2986) signed by it. The key is made here and is in no message.
 * Written out in DER, so that a device needs no certificate library.
 */
export function createKeyAndCsr(thing: string): { keyPem: string; csrPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = thingName.parse(thing).slice(0, COMMON_NAME_MAX)
  const commonName = der(TAG.sequence, der(TAG.oid, OID_COMMON_NAME), der(TAG.utf8, Buffer.from(name)))
  const info = der(
    TAG.sequence,
    der(TAG.integer, Buffer.of(0)),
    der(TAG.sequence, der(TAG.set, commonName)),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(TAG.attributes),
  )
  // The first byte of a BIT STRING counts unused bits.
  const signature = Buffer.concat([
    Buffer.of(0),
    sign('sha256', info, { key: privateKey, dsaEncoding: 'der' }),
  ])
  const request = der(
    TAG.sequence,
    info,
    der(TAG.sequence, der(TAG.oid, OID_ECDSA_SHA256)),
    der(TAG.bits, signature),
  )
  const lines = request.toString('base64').match(/.{1,64}/g) ?? []
  return {
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    csrPem: ['-----BEGIN CERTIFICATE REQUEST-----', ...lines, '-----END CERTIFICATE REQUEST-----', ''].join(
      '\n',
    ),
  }
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const length =
    content.length < 0x80
      ? [content.length]
      : content.length < 0x100
        ? [0x81, content.length]
        : [0x82, content.length >> 8, content.length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...length), content])
}
