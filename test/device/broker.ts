import './reflect.ts'
import { webcrypto } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import {
  BasicConstraintsExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { Aedes } from 'aedes'
import type { ManifestSlot } from '../../src/contracts/manifest.ts'
import {
  ackCorr,
  topics,
  type Uplink,
  type UplinkKind,
  uplinkKinds,
  uplinks,
} from '../../src/contracts/mqtt.ts'
import type { AnyUplink } from './cloud.ts'
import { json, type MadePackage, sha256, signedBeacon, signedManifest } from './helpers.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const VALID = { notBefore: new Date('2020-01-01'), notAfter: new Date('2049-01-01') }

/** A certificate authority for one test run. */
export async function testAuthority() {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const root = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=test authority',
    ...VALID,
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, 1, true)],
  })
  const issue = async (
    subject: string,
    publicKey: webcrypto.CryptoKey,
    extensions: SubjectAlternativeNameExtension[],
  ) => {
    const serialNumber = Buffer.from(webcrypto.getRandomValues(new Uint8Array(8))).toString('hex')
    const issued = await X509CertificateGenerator.create({
      ...{ subject, issuer: root.subject, serialNumber, ...VALID },
      ...{ publicKey, signingKey: keys.privateKey, signingAlgorithm: ALGORITHM, extensions },
    })
    return issued.toString('pem')
  }
  return {
    caPem: root.toString('pem'),
    async signCsr(csrPem: string): Promise<string> {
      const csr = new Pkcs10CertificateRequest(csrPem)
      if (!(await csr.verify())) throw new Error('the request is not signed by its own key')
      return issue(csr.subject, await csr.publicKey.export(), [])
    },
    async server() {
      const own = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
      const san = new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])
      const certPem = await issue('CN=broker', own.publicKey, [san])
      const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey)).toString('base64')
      return {
        certPem,
        keyPem: `-----BEGIN PRIVATE KEY-----\n${der.match(/.{1,64}/g)!.join('\n')}\n-----END PRIVATE KEY-----\n`,
      }
    },
  }
}
export type TestAuthority = Awaited<ReturnType<typeof testAuthority>>

/** A real MQTT broker with mutual TLS, and a small cloud behind it. A client's id must be its certificate's name. */
export async function startBroker(authority: TestAuthority, port = 0) {
  const { certPem, keyPem } = await authority.server()
  const aedes = await Aedes.createBroker()
  const blobs = new Map<string, Uint8Array>()
  const sent: AnyUplink[] = []
  aedes.authenticate = (client, _user, _password, done) => {
    const socket = client.conn as unknown as TLSSocket
    done(null, socket.getPeerCertificate().subject?.CN === client.id)
  }
  const down = (topic: string, payload: Uint8Array, retain = false) =>
    new Promise<void>((resolve, reject) => {
      const packet = {
        cmd: 'publish',
        qos: 1,
        dup: false,
        topic,
        payload: Buffer.from(payload),
        retain,
      } as const
      aedes.publish(packet, error => (error ? reject(error) : resolve()))
    })
  const react = async (message: AnyUplink): Promise<void> => {
    const { thing } = message
    if (message.kind === 'report' && ['COMMITTED', 'FAILED', 'REFUSED'].includes(message.body.step))
      await down(topics.answer(thing, ackCorr(message.epoch, message.seq)), json({ v: 1, kind: 'ack' }))
    if (message.kind === 'ask' && message.body.delta !== undefined)
      await down(
        topics.answer(thing, message.body.corr),
        json({ v: 1, kind: 'delta', ...message.body.delta, delta: null }),
      )
    else if (message.kind === 'ask')
      await down(topics.answer(thing, message.body.corr), json({ v: 1, kind: 'unchanged' }))
    if (message.kind === 'blob') {
      const { digest, offset, length } = message.body
      const block = blobs.get(digest)?.subarray(offset, offset + length)
      if (block) await down(topics.blob(thing, digest, offset), block)
    }
  }
  aedes.on('publish', (packet, client) => {
    if (client === null) return
    const kind = packet.topic.split('/').at(-1) as UplinkKind
    if (!uplinkKinds.includes(kind)) return
    const message = uplinks[kind].parse(JSON.parse(packet.payload.toString()))
    if (packet.topic !== topics.up(client.id, kind) || message.thing !== client.id)
      throw new Error(`${client.id} published to ${packet.topic} as ${message.thing}`)
    sent.push(message)
    void react(message)
  })
  const server: Server = createServer(
    { cert: certPem, key: keyPem, ca: authority.caPem, requestCert: true, rejectUnauthorized: true },
    socket => void aedes.handle(socket),
  )
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  return {
    endpoint: { host: '127.0.0.1', port: (server.address() as AddressInfo).port, caPem: authority.caPem },
    sent,
    of: <K extends UplinkKind>(kind: K): Uplink<K>[] => sent.filter((m): m is Uplink<K> => m.kind === kind),
    hold(pkg: MadePackage) {
      blobs.set(sha256(pkg.bundle), pkg.bundle)
      blobs.set(sha256(pkg.archive), pkg.archive)
    },
    /** A beacon that says that this manifest is the newest, then the manifest; these devices run by the real clock. */
    async publish(counter: number, slots: readonly ManifestSlot[]) {
      const now = Date.now()
      const period = { issued: new Date(now).toISOString(), expires: new Date(now + 3_600_000).toISOString() }
      await down(topics.beacon('plant'), json(signedBeacon({ minimumCounter: counter, ...period })), true)
      await down(topics.manifest('plant'), json(signedManifest(counter, slots, period)), true)
    },
    async close() {
      await new Promise<void>(resolve => aedes.close(() => resolve()))
      await new Promise<void>(resolve => server.close(() => resolve()))
    },
  }
}
