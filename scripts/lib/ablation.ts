/** Templates with one statement of one role taken out. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TEMPLATE } from './local-cloud.ts'
import { probeRun } from './probe-run.ts'

interface Role {
  readonly Type: string
  readonly Properties: {
    readonly Policies?: { readonly PolicyDocument: { readonly Statement: { readonly Sid?: string }[] } }[]
  }
}
export interface RoleTemplate {
  readonly Resources: Readonly<Record<string, Role>>
}
export interface StatementPlace {
  /** Logical id of the role. */
  readonly role: string
  readonly index: number
  readonly sid: string
}
const FILE = 'cloudformation-template-update-stack.json'

export const readTemplate = (): RoleTemplate =>
  JSON.parse(readFileSync(join(TEMPLATE, FILE), 'utf8')) as RoleTemplate

export const statements = (template: RoleTemplate): StatementPlace[] =>
  Object.entries(template.Resources)
    .filter(([, resource]) => resource.Type === 'AWS::IAM::Role')
    .flatMap(([role, resource]) =>
      (resource.Properties.Policies ?? []).flatMap(policy =>
        policy.PolicyDocument.Statement.map(({ Sid }, index) => ({ role, index, sid: Sid ?? String(index) })),
      ),
    )

/** Runs the loop without the statement; the message it fails with, or undefined when it closes all the same. */
export async function without(
  template: RoleTemplate,
  { role, index }: StatementPlace,
): Promise<string | undefined> {
  const changed = structuredClone(template)
  const policies = changed.Resources[role]?.Properties.Policies ?? []
  policies[0]?.PolicyDocument.Statement.splice(index, 1)
  if (policies[0]?.PolicyDocument.Statement.length === 0) policies.shift()
  const folder = mkdtempSync(join(tmpdir(), 'edgeloop-template-'))
  try {
    cpSync(TEMPLATE, folder, { recursive: true })
    writeFileSync(join(folder, FILE), JSON.stringify(changed))
    await probeRun(
      folder,
      () => {},
      () => undefined,
    )
    return undefined
  } catch (error) {
    return (error as Error).message
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
