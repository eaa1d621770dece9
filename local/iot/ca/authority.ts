import './reflect.ts'
import { createHash, randomBytes, webcrypto } from 'node:crypto'
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import { AwsError } from '../../core/types.ts'

/** Issues what AWS IoT issues: a server certificate for the listener and client certificates for devices. */
export interface Authority {
  readonly caPem: string
  readonly server: { readonly certificatePem: string; readonly privateKeyPem: string }
  /** Signs a PEM certificate signing request; throws InvalidRequestException when it is not one. */
  signRequest(csrPem: string): Promise<IssuedCertificate>
  /** Makes a key pair and its certificate, RSA 2048 as AWS does. */
  createKeysAndCertificate(): Promise<
    IssuedCertificate & { readonly publicKeyPem: string; readonly privateKeyPem: string }
  >
}
export interface IssuedCertificate {
  readonly certificatePem: string
  /** SHA-256 of the DER form, in hex: AWS's certificate id, and what the broker recognises a device by. */
  readonly certificateId: string
  readonly notBefore: Date
  readonly notAfter: Date
}

const EC = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const
const DAY = 86_400_000
const CA_LIFE = 10 * 365 * DAY
const SERVER_LIFE = 365 * DAY
/** A server certificate with less left than this is made anew at start. */
const SERVER_MARGIN = 30 * DAY
// AWS IoT's own certificates end here as well.
const DEVICE_END = new Date('2049-12-31T23:59:59Z')

x509.cryptoProvider.set(webcrypto)

/**
 * Loads the authority from `dir`, or makes it there on the first start. Dates come from the machine's clock, not
 * from the realm's: TLS checks them against the machine's.
 */
export const openAuthority = async (dir: string, host: string): Promise<Authority> => {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const ca = await openCa(dir)
  const server = await openServer(dir, host, ca)
  const issue = async (subject: string, publicKey: x509.PublicKeyType): Promise<IssuedCertificate> => {
    const notBefore = new Date(Date.now() - DAY)
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject,
      issuer: ca.certificate.subject,
      notBefore,
      notAfter: DEVICE_END,
      publicKey,
      signingKey: ca.privateKey,
      signingAlgorithm: SIGNATURE,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      ],
    })
    return {
      certificatePem: `${certificate.toString('pem')}\n`,
      certificateId: fingerprint(Buffer.from(certificate.rawData)),
      notBefore,
      notAfter: DEVICE_END,
    }
  }
  return {
    caPem: ca.pem,
    server,
    signRequest: async csrPem => {
      const request = await readRequest(csrPem)
      return issue(request.subject, request.publicKey)
    },
    createKeysAndCertificate: async () => {
      const rsa = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]) }
      const keys = await webcrypto.subtle.generateKey({ ...rsa, modulusLength: 2048 }, true, [
        'sign',
        'verify',
      ])
      const issued = await issue('CN=AWS IoT Certificate', keys.publicKey)
      return {
        ...issued,
        publicKeyPem: await exportPem('spki', keys.publicKey),
        privateKeyPem: await exportPem('pkcs8', keys.privateKey),
      }
    },
  }
}

/** Certificate id of a DER certificate. */
export const fingerprint = (der: Buffer): string => createHash('sha256').update(der).digest('hex')

interface Ca {
  readonly certificate: x509.X509Certificate
  readonly pem: string
  readonly privateKey: webcrypto.CryptoKey
}

const openCa = async (dir: string): Promise<Ca> => {
  const certificateFile = join(dir, 'ca.pem')
  const keyFile = join(dir, 'ca-key.pem')
  const pem = await readIfPresent(certificateFile)
  const keyPem = await readIfPresent(keyFile)
  if (pem && keyPem) {
    const der = x509.PemConverter.decodeFirst(keyPem)
    const privateKey = await webcrypto.subtle.importKey('pkcs8', der, EC, true, ['sign'])
    return { certificate: new x509.X509Certificate(pem), pem, privateKey: privateKey }
  }
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=Local AWS IoT CA',
    notBefore: new Date(Date.now() - DAY),
    notAfter: new Date(Date.now() + CA_LIFE),
    signingAlgorithm: SIGNATURE,
    keys: keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  })
  const made = `${certificate.toString('pem')}\n`
  await writePrivate(keyFile, await exportPem('pkcs8', keys.privateKey))
  await writeFile(certificateFile, made)
  return { certificate, pem: made, privateKey: keys.privateKey }
}

const openServer = async (dir: string, host: string, ca: Ca): Promise<Authority['server']> => {
  const certificateFile = join(dir, 'server.pem')
  const keyFile = join(dir, 'server-key.pem')
  const pem = await readIfPresent(certificateFile)
  const keyPem = await readIfPresent(keyFile)
  if (pem && keyPem && (await isUsable(pem, host, ca))) return { certificatePem: pem, privateKeyPem: keyPem }
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: 'CN=localhost',
    issuer: ca.certificate.subject,
    notBefore: new Date(Date.now() - DAY),
    notAfter: new Date(Date.now() + SERVER_LIFE),
    publicKey: keys.publicKey,
    signingKey: ca.privateKey,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(alternativeNames(host)),
    ],
  })
  const made = {
    certificatePem: `${certificate.toString('pem')}\n`,
    privateKeyPem: await exportPem('pkcs8', keys.privateKey),
  }
  await writePrivate(keyFile, made.privateKeyPem)
  await writeFile(certificateFile, made.certificatePem)
  return made
}

const isIp = (host: string) => /^[\d.]+$/.test(host) || host.includes(':')
const alternativeNames = (host: string): x509.JsonGeneralNames =>
  [...new Set(['127.0.0.1', 'localhost', host])].map(name => ({
    type: isIp(name) ? 'ip' : 'dns',
    value: name,
  }))

const isUsable = async (pem: string, host: string, ca: Ca): Promise<boolean> => {
  const certificate = new x509.X509Certificate(pem)
  const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? []
  const signed = await certificate.verify({ publicKey: ca.certificate, signatureOnly: true })
  return (
    signed &&
    certificate.notAfter.getTime() - Date.now() > SERVER_MARGIN &&
    names.some(name => name.value === host)
  )
}

const readRequest = async (csrPem: string): Promise<x509.Pkcs10CertificateRequest> => {
  let request: x509.Pkcs10CertificateRequest
  let valid: boolean
  try {
    request = new x509.Pkcs10CertificateRequest(csrPem)
    valid = await request.verify()
  } catch {
    throw invalid('certificateSigningRequest must be a PEM certificate signing request (PKCS #10)')
  }
  if (!valid) throw invalid('the signature of certificateSigningRequest does not match its key')
  const { algorithm } = request.publicKey as { algorithm: { modulusLength?: number } }
  if (algorithm.modulusLength !== undefined && algorithm.modulusLength < 2048)
    throw invalid('the RSA key of certificateSigningRequest must have at least 2048 bits')
  return request
}
const invalid = (message: string) => new AwsError('InvalidRequestException', message, 400)

// Positive, 16 bytes: the top bit must be clear and the first byte not zero.
const serialNumber = (): string => {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

const exportPem = async (format: 'spki' | 'pkcs8', key: webcrypto.CryptoKey): Promise<string> => {
  const der = await webcrypto.subtle.exportKey(format, key)
  return `${x509.PemConverter.encode(der, format === 'spki' ? 'PUBLIC KEY' : 'PRIVATE KEY')}\n`
}

const readIfPresent = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const writePrivate = async (file: string, text: string): Promise<void> => {
  const draft = `${file}.new`
  await writeFile(draft, text, { mode: 0o600 })
  await chmod(draft, 0o600)
  await rename(draft, file)
}
