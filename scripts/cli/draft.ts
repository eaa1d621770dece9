/** A draft of a trust root: made, read with all the checks that can be made before it is signed, and put together. */
import * as z from 'zod'
import { DSSE_PAYLOAD_TYPE, type DsseEnvelope, dsseEnvelope } from '../../src/contracts/manifest.ts'
import { type KnownRoot, MAX_DOCUMENT_BYTES, rootOf, type TrustRoot } from '../../verifier/index.ts'
import { checkSignatures, openDocument } from '../../verifier/signed.ts'
import { UsageError } from '../lib/options.ts'
import { readJson } from './files.ts'
import { type Paint, short } from './paint.ts'

/** A link on its way: signatures are added until there are enough. `previous` shows what it changes. */
const draftFile = z.strictObject({
  v: z.literal(1),
  kind: z.literal('trust-root-draft'),
  previous: dsseEnvelope.nullable(),
  link: z.strictObject({
    payload: z.base64().max(MAX_DOCUMENT_BYTES),
    payloadType: z.literal(DSSE_PAYLOAD_TYPE),
    signatures: z.array(z.strictObject({ sig: z.base64(), keyid: z.string() })).max(32),
  }),
})
export type Draft = z.infer<typeof draftFile>

export const draftOf = (previous: Draft['previous'], link: Draft['link']): Draft => ({
  v: 1,
  kind: 'trust-root-draft',
  previous,
  link,
})

/** @throws UsageError when it is none, does not follow what it names, or was changed after somebody signed it */
export function readDraft(option: string, file: string): Draft {
  const draft = readJson(option, file, draftFile)
  assertDraft(draft, `${option}: ${file}`)
  return draft
}

/** A draft may lack signatures and nothing else. @throws UsageError beginning with `where` */
export function assertDraft({ previous, link }: Draft, where: string): void {
  try {
    const before = previous === null ? undefined : knownRoot(previous)
    if (previous !== null && before !== undefined) checkOwnSignatures(previous, before)
    const next = knownRoot(link)
    checkFollows(before?.value, next.value)
    checkSigned(link, new Map([...(before?.keys.root ?? []), ...next.keys.root]))
  } catch (error) {
    throw new UsageError(`${where}: ${(error as Error).message}`)
  }
}

const bytesOf = (link: Draft['link']): Buffer => Buffer.from(JSON.stringify(link))
/** Stands in for the first signature of a draft, since the verifier reads no document without one. */
const NOBODY = { keyid: '0'.repeat(64), sig: 'AAAA' }

/** The root in an envelope, checked for its shape; signatures are not looked at. @throws Refusal */
function knownRoot(link: Draft['link']): KnownRoot {
  const signatures = link.signatures.length === 0 ? [NOBODY] : link.signatures
  return rootOf({ root: bytesOf({ ...link, signatures }).toString('base64') })
}

const CODES = { malformed: 'ROOT_MALFORMED', signature: 'ROOT_SIGNATURE', type: 'ROOT_TYPE' } as const
const MAX_SIGNATURES = 32

function checkSigned(link: Draft['link'], keys: Parameters<typeof checkSignatures>[1]): void {
  if (link.signatures.length === 0) return
  const document = openDocument(bytesOf(link), 'draft', CODES, MAX_SIGNATURES)
  checkSignatures(document, keys, 'draft, perhaps changed after it was signed', 'ROOT_SIGNATURE')
}

/** Who signed the link before for the one before that cannot be told from here; its own holders can. */
function checkOwnSignatures(previous: DsseEnvelope, { value, keys }: KnownRoot): void {
  const what = `previous trust root ${value.version}`
  const document = openDocument(bytesOf(previous), what, CODES, MAX_SIGNATURES)
  const signatures = document.signatures.filter(s => keys.root.has(s.keyid))
  if (signatures.length < value.roles.root.threshold) throw new Error(`${what}: is not signed by its holders`)
  checkSignatures({ ...document, signatures }, keys.root, what, 'ROOT_SIGNATURE')
}

function checkFollows(before: TrustRoot | undefined, next: TrustRoot): void {
  const version = before?.version ?? 0
  if (next.version !== version + 1)
    throw new Error(`version ${next.version} does not follow version ${version}; draft again with keys root`)
  if (before === undefined) return
  if (next.epoch !== before.epoch && next.epoch !== before.epoch + 1)
    throw new Error(`epoch ${next.epoch} does not follow epoch ${before.epoch}; draft again with keys root`)
  if (Date.parse(next.issued) < Date.parse(before.issued))
    throw new Error('issued before the link that it follows; set the clock and draft again with keys root')
}

/** The predicate of an envelope whose shape was checked. */
export function rootIn(envelope: Pick<DsseEnvelope, 'payload'>): TrustRoot {
  const statement = JSON.parse(Buffer.from(envelope.payload, 'base64').toString('utf8')) as {
    predicate: TrustRoot
  }
  return statement.predicate
}

/** Whose signatures a draft needs: a threshold of the root before it, and of its own. */
export function signersNeeded({ previous, link }: Draft) {
  const roots = [...(previous === null ? [] : [rootIn(previous)]), rootIn(link)]
  return roots.map(({ version, roles }) => ({
    version,
    need: roles.root.threshold,
    keyids: roles.root.keyids,
  }))
}

/** What is still needed, by the root whose keys are meant. */
export const missingSigners = (draft: Draft) =>
  signersNeeded(draft).flatMap(({ version, need, keyids }) => {
    const signed = keyids.filter(id => draft.link.signatures.some(s => s.keyid === id))
    return signed.length >= need
      ? []
      : [{ version, need, signed: signed.length, candidates: keyids.filter(id => !signed.includes(id)) }]
  })

export function missingLines(draft: Draft, file: string, paint: Paint): string[] {
  const missing = missingSigners(draft)
  if (missing.length === 0)
    return [
      'All signatures are there.',
      paint.dim(`Next: npx edgeloop keys publish --draft ${file} --chain chain.json`),
    ]
  return missing.map(
    ({ version, need, signed, candidates }) =>
      `  version ${version} has ${signed} of ${need} signatures; missing ${need - signed} of ${candidates.map(short).join('  ')}`,
  )
}

/** Copies of one draft as one, with all their signatures. @throws UsageError */
export function joinDrafts(files: readonly string[]): Draft {
  const [first, ...others] = files.map(file => readDraft('--draft', file))
  if (first === undefined)
    throw new UsageError('--draft is needed: the file that keys root wrote and keys sign signed')
  const odd = others.findIndex(
    d => d.link.payload !== first.link.payload || d.previous?.payload !== first.previous?.payload,
  )
  if (odd >= 0)
    throw new UsageError(
      `--draft: ${files[odd + 1]} is another draft than ${files[0]}; put copies of one draft together`,
    )
  const all = new Map([first, ...others].flatMap(d => d.link.signatures).map(s => [s.keyid, s]))
  const signatures = [...all.values()].sort((a, b) => (a.keyid < b.keyid ? -1 : 1))
  return { ...first, link: { ...first.link, signatures } }
}
