import { describe, expect, it } from 'vitest'
import { readTemplate, statements, without } from '../../scripts/lib/ablation.ts'
import { TEMPLATE } from '../../scripts/lib/local-cloud.ts'
import { probeRun } from '../../scripts/lib/probe-run.ts'

const template = readTemplate()

describe('every statement of every role is needed', () => {
  it('each one alone allows some call of the loop, so that without it this call is refused', {
    timeout: 600_000,
  }, async () => {
    const use = await probeRun(
      TEMPLATE,
      () => {},
      cloud => cloud.iam.statementUse(),
    )
    expect(use).toHaveLength(statements(template).length)
    expect(use.filter(u => u.decisive === 0).map(u => `${u.roleName} ${u.sid}`)).toEqual([])
  })

  // One of each kind; `scripts/ablate-iam.ts` does the same for all of them, and docs/iam-ablation.md has its record.
  it.each([
    ['SignPackageRole', 'Sign', /IAM refused: edgeloop-dev-sign-package may not kms:Sign on arn:aws:kms:/],
    [
      'SageMakerRole',
      'ReadInputs',
      /IAM refused: edgeloop-dev-probe-v1-\w+ may not s3:GetObject on arn:aws:s3:::edgeloop-dev-artefacts-/,
    ],
    [
      'IngestRole',
      'QueueDeviceMessages',
      /IAM refused: edgeloop_dev_hello may not sqs:SendMessage on arn:aws:sqs:/,
    ],
    ['PublishOutboxRole', 'ListStreams', /publish-outbox.*dynamodb:ListStreams.*\*/],
  ])('without %s %s the loop fails and says so', { timeout: 600_000 }, async (role, sid, message) => {
    const place = statements(template).find(s => s.role === role && s.sid === sid)
    if (place === undefined) throw new Error(`no statement ${sid} in ${role}`)
    expect(await without(template, place)).toMatch(message)
  })
})
