/** Devices come and go: the allow-list, enrolment, a clone, revocation, and the commands of operators. */

import { cloneCertificate, firstCertificate } from './certificates.ts'
import type { Chain } from './chain.ts'

const CLAIM = 'c1a1'.repeat(16)
const certificateId = (n: number): string => `ce${n}0`.repeat(16)

export const vetting = (serial: string, n: number, certificatePem: string): unknown => ({
  claimCertificateId: CLAIM,
  certificateId: certificateId(n),
  certificatePem,
  templateArn: 'arn:aws:iot:eu-west-1:123456789012:provisioningtemplate/edgeloop-dev-device',
  clientId: `enrol.00${n}`,
  parameters: { SerialNumber: serial },
})
export const command = (
  routeKey: string,
  body: unknown,
  pathParameters: Readonly<Record<string, string>> = {},
): unknown => ({
  routeKey,
  rawPath: routeKey.split(' ')[1],
  pathParameters,
  body: JSON.stringify(body),
  requestContext: {
    requestId: `request ${routeKey} ${JSON.stringify(pathParameters)}`,
    authorizer: { jwt: { claims: { sub: 'operator' } } },
  },
})

export const ENROLMENTS = [
  { serial: 'lab-1', fleet: 'lab', hardware: 'gateway' },
  { serial: 'not a name', fleet: 'lab', hardware: 'gateway' },
  { serial: 'lab-8', fleet: 'lab', hardware: 'gateway' },
]
export const REVOCATION = 'POST /v1/devices/{thing}/revocation'
export const ENROLMENT = 'PUT /v1/enrolments/{serial}'
export const BURSTS = 'POST /v1/models/{model}/bursts'
export const BARS = 'POST /v1/models/{model}/bars'

export async function tellIdentity(chain: Chain): Promise<void> {
  const { world } = chain
  const vet = (label: string, event: unknown) => chain.deliver('vet-device', event, label)
  const give = async (label: string, event: unknown): Promise<void> => {
    const answer = (await chain.deliver('ops-command', event, label)) as { statusCode: number; body: string }
    if (answer.statusCode >= 300) throw new Error(`${label} was answered with ${answer.body}`)
  }
  await chain.drop(
    'allow-devices',
    'devices/first.csv',
    'serial,fleet,hardware\nlab-7,lab,gateway\nbad one,lab,gateway\n',
  )
  await give('allow', command('POST /v1/enrolments', ENROLMENTS))
  await vet('enrolment', vetting('lab-1', 1, firstCertificate))
  await vet('clone', vetting('lab-1', 2, cloneCertificate))
  await vet('stranger', vetting('lab-9', 3, cloneCertificate))
  world.certificates.set('lab-1', [certificateId(1), certificateId(4)])
  await give('block', command(ENROLMENT, { status: 'BLOCKED', reason: 'lost' }, { serial: 'lab-8' }))
  await vet('blocked', vetting('lab-8', 4, cloneCertificate))
  await give('revoke', command(REVOCATION, { reason: 'stolen' }, { thing: 'lab-1' }))
  await chain.pump()
  world.time += 1000
  await chain.queue('ingest-reports', 'revoked', chain.uplink('lab-1', 'hello', HELLO).body)
  await give('reinstate', command(ENROLMENT, { status: 'ALLOWED', reason: 'found' }, { serial: 'lab-1' }))
  const asked = { things: ['lab-3', 'lab-4'], count: 50, minutes: 60, reason: 'odd answers' }
  await give('burst', command(BURSTS, asked, { model: 'demo' }))
  await chain.pump()
  await give(
    'bar',
    command(BARS, { revokedBundle: chain.packageFor(1).bundle.sha256, reason: 'leaks' }, { model: 'demo' }),
  )
  await chain.pump()
  await give('revoke', command(REVOCATION, { reason: 'stolen' }, { thing: 'lab-2' }))
  // The event is lost on its way; the reconciler finds the row.
  for (const id of world.events().keys()) world.state.store.rows.delete(`OUTBOX#${id}\nEVENT`)
  world.time += 3_600_000
  await chain.deliver(
    'reconcile',
    { id: 'r2', time: '', source: 'aws.events', 'detail-type': 'Scheduled Event' },
    'revocation',
  )
  await chain.pump()
}

const HELLO = {
  hardware: 'gateway',
  runtime: 'test',
  manifest: null,
  slots: { main: { active: null, previous: null } },
  outbox: { queued: 0, dropped: 0 },
}
