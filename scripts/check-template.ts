/**
 * Runs AWS's own validator over the packaged template: schemas of every resource type and the rules of cfn-lint.
 * Exit status 1 when it finds an error. `npm run package` (or `npm test`) makes the template.
 */
import { existsSync } from 'node:fs'
import { RegoEngine, type StandardDiagnostic, TemplateFile } from '@aws/cloudformation-validate'
import { TEMPLATE } from './lib/local-cloud.ts'

const FILE = `${TEMPLATE}/cloudformation-template-update-stack.json`

/** Findings that are known to be harmless, one by one: rule, logical id and the reason. */
export const benign: readonly {
  readonly rule: string
  readonly logicalId: string
  readonly reason: string
}[] = [
  {
    rule: 'E3013',
    logicalId: 'Console',
    reason:
      'an empty ConsoleDomain is no domain name, and with one the condition OwnConsoleDomain leaves Aliases out',
  },
]

export interface Validation {
  /** ERROR and FATAL, without those listed in {@link benign}. */
  readonly errors: readonly StandardDiagnostic[]
  readonly warnings: readonly StandardDiagnostic[]
  /** Entries of {@link benign} that no finding matches any more. */
  readonly outdated: readonly string[]
}

/** Throws when the template is missing or cannot be parsed. */
export function validateTemplate(file = FILE): Validation {
  if (!existsSync(file)) throw new Error(`${file} is missing; make it with: npm run package`)
  const engine = new RegoEngine()
  try {
    const { diagnostics } = engine.validateStandard(new TemplateFile(file), {
      pseudoParameterOverrides: { region: 'eu-west-1' },
    })
    const known = (d: StandardDiagnostic) =>
      benign.find(b => b.rule === d.ruleId && b.logicalId === d.entity?.logicalId)
    const severe = diagnostics.filter(d => d.severity === 'ERROR' || d.severity === 'FATAL')
    const matched = new Set(severe.map(known))
    return {
      errors: severe.filter(d => known(d) === undefined),
      warnings: diagnostics.filter(d => d.severity === 'WARN'),
      outdated: benign.filter(b => !matched.has(b)).map(b => `${b.rule} ${b.logicalId}`),
    }
  } finally {
    engine.free()
  }
}

export const describe = (d: StandardDiagnostic): string =>
  `${d.severity} ${d.ruleId} ${d.entity?.logicalId ?? ''} ${d.propertyPath ?? ''}: ${d.message}`

if (import.meta.main) {
  const { errors, warnings, outdated } = validateTemplate()
  const byRule = Map.groupBy(warnings, d => d.ruleId)
  for (const [rule, found] of byRule)
    process.stdout.write(`WARN ${rule} × ${found.length}, first: ${found[0] ? describe(found[0]) : ''}\n`)
  for (const error of errors) process.stdout.write(`${describe(error)}\n`)
  for (const entry of outdated)
    process.stdout.write(`the list of harmless findings names ${entry}, which is gone\n`)
  process.stdout.write(`Template: ${errors.length} errors, ${warnings.length} warnings\n`)
  if (errors.length + outdated.length > 0) process.exitCode = 1
}
