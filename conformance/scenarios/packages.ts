import { omsStatement } from '../documents.ts'
import { json } from '../keys.ts'
import type { File, Package, PackageChanges } from '../package.ts'
import type { Trial } from '../trial.ts'
import { active, installed, type Scenario, short } from './scenario.ts'

/** A package that must be refused with one code, by a manifest that is good. */
interface Bad {
  readonly id: string
  readonly code: string
  readonly name: string
  readonly changes: (t: Trial) => Partial<PackageChanges>
  /** Blobs that arrive otherwise than they are signed. */
  readonly spoil?: 'bundle' | 'package'
  /** Only for a runtime that tests what it loads. */
  readonly model?: true
}
const other = (name: string, bytes: Uint8Array) => (files: readonly File[]) =>
  files.map(file => (file.name === name ? { name, bytes } : file))
const flip = (bytes: Uint8Array): Uint8Array => {
  const copy = Uint8Array.from(bytes)
  copy[copy.length >> 1]! ^= 1
  return copy
}

const bads: readonly Bad[] = [
  {
    ...{ id: 'DEV-TRUST-31', code: 'PACKAGE_DIGEST', name: 'a package of which one bit is wrong on the way' },
    changes: () => ({}),
    spoil: 'package',
  },
  {
    ...{ id: 'DEV-TRUST-32', code: 'BUNDLE_DIGEST', name: 'a bundle of which one bit is wrong on the way' },
    changes: () => ({}),
    spoil: 'bundle',
  },
  {
    ...{ id: 'DEV-TRUST-33', code: 'BUNDLE_MALFORMED', name: 'a bundle that is none' },
    changes: () => ({ bundle: () => json({ mediaType: 'text/plain' }) }),
  },
  {
    ...{ id: 'DEV-TRUST-34', code: 'BUNDLE_SIGNATURE', name: 'a bundle by a key that is not trusted' },
    changes: t => ({ key: { ...t.owner.stranger, id: t.owner.model.id } }),
  },
  {
    ...{ id: 'DEV-TRUST-35', code: 'BUNDLE_CONTENT', name: 'a bundle whose root digest is of other files' },
    changes: () => ({
      statement: said => ({ ...said, subject: omsStatement([{ name: 'x', bytes: json('x') }]).subject }),
    }),
  },
  {
    ...{ id: 'DEV-TRUST-36', code: 'PACKAGE_ARCHIVE', name: 'an archive with a file that nobody signed' },
    changes: () => ({ pack: files => [...files, { name: 'zz-extra.sh', bytes: json('echo') }] }),
  },
  {
    ...{ id: 'DEV-TRUST-37', code: 'PACKAGE_CONTENT', name: 'a file that is not the one that was signed' },
    changes: () => ({ pack: other('lineage.json', json({ model: 'another-one' })) }),
  },
  {
    ...{ id: 'DEV-TRUST-38', code: 'PACKAGE_CONTRACT', name: 'a package that was made for other hardware' },
    changes: () => ({ contract: { hardware: 'another-one' } }),
  },
  {
    ...{ id: 'DEV-TRUST-39', code: 'MODEL_FORMAT', name: 'a model that does not load' },
    changes: () => ({
      edit: files =>
        files.map(file => (file.name.startsWith('model.') ? { ...file, bytes: json({}) } : file)),
    }),
    model: true,
  },
  {
    ...{
      id: 'DEV-TRUST-40',
      code: 'SELF_TEST',
      name: 'a self-test row whose margin differs in its last bit',
    },
    changes: () => ({
      edit: files =>
        files.map(file => {
          if (file.name !== 'self-test.json') return file
          const test = JSON.parse(Buffer.from(file.bytes).toString()) as { margins: string[][] }
          const row = test.margins.at(-1)!
          row[0] = ((Number.parseInt(row[0]!, 16) ^ 1) >>> 0).toString(16).padStart(8, '0')
          return { ...file, bytes: json(test) }
        }),
    }),
    model: true,
  },
]

async function judge(t: Trial, { id, code, changes, spoil }: Bad): Promise<void> {
  const one = await installed(t)
  const bad: Package = t.owner.pack(2, changes(t))
  if (spoil)
    t.cloud.block = (request, good) => (request.digest === bad.release[spoil].sha256 ? flip(good) : good)
  t.cloud.release([t.owner.slot({ committed: bad.release })])
  const bundle = bad.release.bundle.sha256
  const refusal = await t.wait(`a report with ${code}`, m =>
    m.kind === 'report' && m.body.bundle === bundle && m.body.code !== undefined ? m : undefined,
  )
  if (refusal.body.code !== code) {
    t.check(id, false, `${refusal.body.step} ${refusal.body.code}, not ${code}`)
    return
  }
  t.cloud.block = (_, good) => good
  const hello = await t.greet()
  const runs = active(t, hello)
  if (runs !== one.release.bundle.sha256) {
    t.check(id, false, `runs ${short(runs)} after the refusal`)
    return
  }
  const after = await t.install(t.owner.pack(7))
  t.check(id, true, `${refusal.body.step} ${code}; then ${short(after.body.bundle)} was taken`)
}

export const badPackages: readonly Scenario[] = bads.map(bad => ({
  name: `${bad.code}: ${bad.name}`,
  ids: [bad.id],
  ...(bad.model ? { model: true } : {}),
  run: t => judge(t, bad),
}))
export const packageCodes: readonly Pick<Bad, 'id' | 'code' | 'name'>[] = bads
