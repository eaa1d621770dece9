/** The one RSA key of the local cloud's token issuers, and JWTs signed with it. */
import { generateKeyPair, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  calculateJwkThumbprint,
  exportJWK,
  importPKCS8,
  type JWK,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from 'jose'
import type { Realm } from '../core/types.ts'

export interface Signer {
  /** Public part, for a key set. */
  jwk(): Promise<JWK>
  /** Adds `iat`, `exp` and `jti` to the claims, unless they are there. Times in seconds. */
  sign(claims: JWTPayload, expiresIn: number): Promise<string>
  /** Claims of a token that this key has signed and that is still good; undefined for any other. */
  verified(token: string): Promise<JWTPayload | undefined>
}

/** The key is made on first use and kept in `realm.dir/issuer`. */
export function createSigner(realm: Realm): Signer {
  let loading: ReturnType<typeof loadKey> | undefined
  const key = (): ReturnType<typeof loadKey> => {
    loading ??= loadKey(join(realm.dir, 'issuer'))
    return loading
  }
  return {
    jwk: async () => (await key()).jwk,
    async sign(claims, expiresIn) {
      const { privateKey, jwk } = await key()
      const iat = Math.floor(realm.now().getTime() / 1000)
      return new SignJWT({ jti: randomUUID(), iat, exp: iat + expiresIn, ...claims })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: jwk.kid ?? '' })
        .sign(privateKey)
    },
    async verified(token) {
      const { jwk } = await key()
      const options = { algorithms: ['RS256'], currentDate: realm.now() }
      return jwtVerify(token, jwk, options).then(
        ({ payload }) => payload,
        () => undefined,
      )
    },
  }
}

async function loadKey(dir: string) {
  const file = join(dir, 'key.pem')
  let pem: string
  try {
    pem = await readFile(file, 'utf8')
  } catch {
    const pair = await promisify(generateKeyPair)('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    })
    pem = pair.privateKey
    await mkdir(dir, { recursive: true, mode: 0o700 })
    await writeFile(`${file}.new`, pem, { mode: 0o600 })
    await rename(`${file}.new`, file)
  }
  const privateKey = await importPKCS8(pem, 'RS256', { extractable: true })
  const { kty, n, e } = await exportJWK(privateKey)
  const jwk: JWK = { kty: kty ?? 'RSA', n: n ?? '', e: e ?? '', alg: 'RS256', use: 'sig' }
  jwk.kid = await calculateJwkThumbprint(jwk)
  return { privateKey, jwk }
}
