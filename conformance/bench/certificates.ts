import './reflect.ts'
import { randomBytes, webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  type Extension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const YEAR = 365 * 86_400_000

export interface KeyPair {
  readonly certPem: string
  readonly keyPem: string
}
/** A certificate authority for one run of the kit. */
export interface Authority {
  readonly caPem: string
  /** For a broker on 127.0.0.1. */
  server(): Promise<KeyPair>
  /** For a device; the common name is its thing name. */
  client(thing: string): Promise<KeyPair>
}

const validity = () => ({ notBefore: new Date(Date.now() - YEAR), notAfter: new Date(Date.now() + YEAR) })

export async function createAuthority(name: string): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const ca = await X509CertificateGenerator.createSelfSigned({
    ...{ name: `CN=${name}`, keys, signingAlgorithm: EC, ...validity() },
    extensions: [new BasicConstraintsExtension(true, 0, true)],
  })
  const issue = async (subject: string, extensions: Extension[]): Promise<KeyPair> => {
    const own = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
    const certificate = await X509CertificateGenerator.create({
      ...{ subject: [{ CN: [subject] }], issuer: ca.subject, publicKey: own.publicKey, ...validity() },
      ...{ signingKey: keys.privateKey, signingAlgorithm: EC, extensions },
      serialNumber: `01${randomBytes(8).toString('hex')}`,
    })
    const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey))
    const lines = der
      .toString('base64')
      .match(/.{1,64}/g)!
      .join('\n')
    return {
      certPem: `${certificate.toString('pem')}\n`,
      keyPem: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
    }
  }
  return {
    caPem: `${ca.toString('pem')}\n`,
    server: () =>
      issue('broker', [
        new SubjectAlternativeNameExtension([
          { type: 'ip', value: '127.0.0.1' },
          { type: 'dns', value: 'localhost' },
        ]),
      ]),
    client: thing => issue(thing, []),
  }
}
