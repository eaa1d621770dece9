/** A folder with root keys, online keys and chains, made by the command itself, for tests that need no cloud. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readRootKey } from '../../scripts/lib/root-keys.ts'
import type { DsseEnvelope } from '../../src/contracts/manifest.ts'
import { initialState, openChain, readRoot, rootOf, type TrustRoot, walkChain } from '../../verifier/index.ts'
import { deploymentKey, modelKey } from '../device/helpers.ts'
import { must, run } from './support.ts'

export interface DraftFile {
  previous: DsseEnvelope | null
  link: DsseEnvelope
}

/** Exit status and message of a command that does not succeed. */
export const refusal = async (...args: readonly string[]): Promise<readonly [number, string]> => {
  const { exit, err } = await run(args)
  return [exit, err]
}

export class Workshop {
  readonly dir = mkdtempSync(join(tmpdir(), 'edgeloop-cli-'))
  readonly chain = this.path('chain.json')
  readonly draft = this.path('draft.json')

  path(...parts: readonly string[]): string {
    return join(this.dir, ...parts)
  }
  pem(name: string): string {
    return this.path('keys', `${name}.pem`)
  }
  write(name: string, content: string | Uint8Array): string {
    const file = this.path(name)
    writeFileSync(file, content)
    return file
  }
  json(file: string): Record<string, unknown> {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  }

  newRoot = (...names: readonly string[]) =>
    must('keys', 'new-root', '--dir', this.path('keys'), '--names', names.join(','))
  rootKeys = (...names: readonly string[]): string[] =>
    names.flatMap(name => ['--root-key', this.path('keys', `${name}.pub.pem`)])
  onlineKeys(): string[] {
    const [model, deployment] = [this.path('model.pub.pem'), this.path('deployment.pub.pem')]
    writeFileSync(model, modelKey.pem)
    writeFileSync(deployment, deploymentKey.pem)
    return ['--model-key', model, '--deployment-key', deployment]
  }

  /** Drafts version 1 by alice, bob and carol, of whom two must sign. */
  async draftFirst(): Promise<Record<string, unknown>> {
    await this.newRoot('alice', 'bob', 'carol')
    return must(
      ...['keys', 'root', '--first', '--threshold', '2', '--out', this.draft],
      ...this.rootKeys('alice', 'bob', 'carol'),
      ...this.onlineKeys(),
    )
  }
  draftNext = (...changes: readonly string[]) =>
    must('keys', 'root', '--from', this.chain, '--out', this.draft, ...changes)
  sign = (name: string, draft = this.draft) =>
    must('keys', 'sign', '--draft', draft, '--key', this.pem(name), '--yes')
  publish = () => must('keys', 'publish', '--draft', this.draft, '--chain', this.chain, '--no-upload')

  async signAndPublish(...names: readonly string[]): Promise<void> {
    for (const name of names) await this.sign(name)
    await this.publish()
  }
  async firstChain(): Promise<void> {
    await this.draftFirst()
    await this.signAndPublish('alice', 'bob')
  }

  draftIn(file = this.draft): DraftFile {
    return this.json(file) as unknown as DraftFile
  }
  /** Gives the draft another predicate, with whatever signatures it had. */
  tamper(change: Readonly<Record<string, unknown>>, part: 'link' | 'previous' = 'link'): void {
    const draft = this.draftIn()
    const envelope = draft[part] as { payload: string }
    const statement = JSON.parse(Buffer.from(envelope.payload, 'base64').toString()) as {
      predicate: Record<string, unknown>
    }
    Object.assign(statement.predicate, change)
    envelope.payload = Buffer.from(JSON.stringify(statement)).toString('base64')
    this.write('draft.json', JSON.stringify(draft))
  }
  idOf = (name: string): string => readRootKey(this.pem(name)).hint
  /** The root behind the chain, as a device sees it. */
  walked(): TrustRoot {
    const links = openChain(readFileSync(this.chain))
    return rootOf(walkChain(initialState(readRoot(links[0] as Uint8Array)), links)).value
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true })
  }
}
