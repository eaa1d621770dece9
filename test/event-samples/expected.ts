/**
 * What each file of `events/` does to a cloud that has no model, no device and no release yet. Rejections are the
 * codes of the rejected inputs that it leaves behind.
 */
export interface Expected {
  /** What the function returns: `null` for those that EventBridge or IoT invokes. */
  readonly returns:
    | 'nothing'
    | 'no failures'
    | { readonly failed: readonly number[] }
    | { readonly status: number }
    | { readonly answer: unknown }
    | { readonly answerTo: (event: unknown) => unknown }
  readonly rejected?: readonly string[]
  /** Indexes of the records that break their contract on purpose. */
  readonly poison?: readonly number[]
  /** Bytes that are in the drop bucket under the event's key; the version is theirs. */
  readonly object?: string
}
const nothing: Expected = { returns: 'nothing' }
const allDone: Expected = { returns: 'no failures' }
/** Dropped before there is a model: kept as a rejected input. */
const modelUnknown: Expected = { returns: 'nothing', rejected: ['MODEL_UNKNOWN'] }
const unknownDevice: Expected = { returns: 'no failures', rejected: ['UNKNOWN_DEVICE'] }
const unknownBundle: Expected = { returns: 'no failures', rejected: ['UNKNOWN_BUNDLE'] }

/** Cognito gets its own event back, with a response. */
function granted(scopesToAdd: readonly string[]): Expected {
  const accessTokenGeneration = { scopesToAdd, scopesToSuppress: [] }
  const response = { claimsAndScopeOverrideDetails: { accessTokenGeneration } }
  return { returns: { answerTo: event => ({ ...(event as object), response }) } }
}

export const expected: Readonly<Record<string, Expected>> = {
  '01-register-model-yaml': {
    returns: 'nothing',
    rejected: ['SCHEMA'],
    object: 'name: demo\nfleet: lab\nslot: main\ntask: binary\ncolour: blue\n',
  },
  '02-register-model-bad-key': { returns: 'nothing', rejected: ['BAD_KEY'] },
  '03-register-dataset-csv': modelUnknown,
  '04-register-dataset-odd-key': modelUnknown,
  // No file waits for the model.
  '05-register-dataset-model-configured': nothing,
  '06-start-training-dataset-registered': modelUnknown,
  // From here on: the state that the event speaks of is not there (any more), so there is nothing to do.
  '07-start-training-check-due': nothing,
  '08-track-training-completed': nothing,
  '09-track-training-failed': nothing,
  '10-track-training-check-due': nothing,
  '11-import-model-json': modelUnknown,
  '12-compile-model-version-registered': nothing,
  '13-compile-model-check-due': nothing,
  '14-track-compilation-polls': allDone,
  '15-track-compilation-poison': { returns: { failed: [1] }, poison: [1] },
  '16-sign-package-compilation-finished': nothing,
  '17-sign-package-check-due': nothing,
  '18-plan-rollout-package-signed': nothing,
  '19-plan-rollout-check-due': nothing,
  '20-advance-rollout-rollout-planned': nothing,
  '21-advance-rollout-device-reported': allDone,
  '22-advance-rollout-check-due-rollout': nothing,
  '23-advance-rollout-check-due-fleet': nothing,
  '24-ingest-reports-hello': unknownDevice,
  '25-ingest-reports-committed': unknownDevice,
  '26-ingest-reports-refused': unknownDevice,
  '27-ingest-reports-poison': {
    returns: 'no failures',
    rejected: ['NOT_JSON', 'UNKNOWN_DEVICE'],
    poison: [1],
  },
  '28-answer-device-ask': { returns: 'nothing', rejected: ['UNKNOWN_DEVICE'] },
  '29-serve-blob-blob': { returns: 'nothing', rejected: ['UNKNOWN_BLOB'] },
  // The device gets the answer that there is no model.
  '30-predict-in-cloud-predict': nothing,
  '31-ingest-metrics-window': unknownBundle,
  '32-ingest-metrics-poison': { returns: { failed: [1] }, rejected: ['UNKNOWN_BUNDLE'], poison: [1] },
  '33-ingest-samples-audit': unknownBundle,
  '34-ingest-samples-poison': { returns: 'no failures', rejected: ['UNKNOWN_BUNDLE', 'WRONG_IDENTITY'] },
  '35-record-refusal-presence': { returns: 'no failures', rejected: ['AUTH_ERROR'] },
  '36-record-refusal-rule-error': { returns: 'no failures', rejected: ['RULE_FAILED'] },
  '37-record-refusal-poison': { returns: { failed: [1] }, rejected: ['AUTH_ERROR'], poison: [1] },
  '38-evaluate-window-window-closed': nothing,
  '39-decide-retrain-drift-detected': nothing,
  '40-request-labels-labels-requested': nothing,
  '41-ingest-labels-jsonl': modelUnknown,
  '42-evaluate-window-labels-received': nothing,
  '43-decide-retrain-labels-received': nothing,
  '44-decide-retrain-harm-confirmed': nothing,
  '45-decide-retrain-rollout-completed': nothing,
  '46-decide-retrain-check-due': nothing,
  '47-admit-samples-retrain-approved': modelUnknown,
  '48-start-training-samples-admitted': modelUnknown,
  '49-reconcile-schedule': nothing,
  '50-publish-outbox-training-started': allDone,
  '51-publish-outbox-for-operators': allDone,
  '52-ops-query-models': { returns: { status: 200 } },
  '53-ops-query-device-unknown': { returns: { status: 404 } },
  '54-ops-query-rejected-inputs': { returns: { status: 200 } },
  '55-ops-query-bad-limit': { returns: { status: 400 } },
  '56-allow-devices-csv': {
    returns: 'nothing',
    rejected: ['SCHEMA'],
    object: 'serial,fleet,hardware\nlab-7,lab,gateway\nno name,lab,gateway\n',
  },
  '57-ops-command-enrolments': { returns: { status: 200 }, rejected: ['SCHEMA'] },
  '58-vet-device-enrolment': {
    returns: {
      answer: {
        allowProvisioning: true,
        parameterOverrides: { SerialNumber: 'lab-1', Fleet: 'lab', Hardware: 'gateway' },
      },
    },
  },
  '59-vet-device-clone': { returns: { answer: { allowProvisioning: false } }, rejected: ['ALREADY_USED'] },
  '60-ops-command-revocation': { returns: { status: 202 } },
  '61-revoke-device-device-revoked': nothing,
  '62-revoke-device-check-due': nothing,
  '63-ops-command-bar-unknown-model': { returns: { status: 404 } },
  '64-advance-rollout-release-barred': nothing,
  '65-publish-trust-chain': {
    returns: 'nothing',
    rejected: ['ROOT_MALFORMED'],
    object: '{"v":1,"chain":[]}',
  },
  '66-publish-trust-check-due': nothing,
  '67-advance-rollout-trust-root-published': nothing,
  '68-ops-command-rollout': { returns: { status: 404 } },
  '69-plan-rollout-rollout-requested': nothing,
  '70-ops-command-pause': { returns: { status: 404 } },
  '71-ops-command-approval': { returns: { status: 404 } },
  '72-advance-rollout-rollout-commanded': nothing,
  '73-advance-rollout-device-silent': nothing,
  '74-make-deltas-package-signed': nothing,
  '75-archive-windows-window-closed': nothing,
  '76-archive-windows-window-amended': nothing,
  '77-evaluate-window-window-amended': nothing,
  '78-ops-command-burst-unknown-model': { returns: { status: 404 } },
  '79-advance-rollout-burst-requested': nothing,
  '80-advance-rollout-model-configured': nothing,
  '81-ops-command-retrain': { returns: { status: 404 } },
  '82-decide-retrain-retrain-requested': nothing,
  '83-ops-command-labels': { returns: { status: 404 } },
  '84-ops-query-reviews': { returns: { status: 200 } },
  '85-grant-scopes-sign-in': granted([
    'edgeloop/devices:write',
    'edgeloop/fleet:read',
    'edgeloop/labels:write',
    'edgeloop/models:write',
    'edgeloop/queues:write',
    'edgeloop/rollouts:write',
  ]),
  '86-grant-scopes-no-group': granted([]),
  '87-refresh-overview-schedule': nothing,
  '88-refresh-overview-drift-detected': nothing,
  '89-ops-query-overview': { returns: { status: 200 } },
  '90-ops-queues-list': { returns: { status: 200 } },
  '91-ops-queues-unknown-queue': { returns: { status: 404 } },
  '92-ops-queues-redrive': { returns: { status: 202 } },
}
