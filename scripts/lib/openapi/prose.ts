import { MAX_LIMIT } from '../../../src/contracts/api/operation.ts'

/** In the order in which an operator meets them. */
export const tags: Readonly<Record<string, string>> = {
  Overview: 'Is anything wrong, and what is to be done about it?',
  Fleets: 'Fleets with their signed manifests, and how many devices run what.',
  Devices: 'Devices: the allow-list, what each runs and why, revocation, bursts of samples.',
  Models: 'Models, their versions, datasets and signed packages; releases that may never run again.',
  Rollouts: 'Rollouts: plan, evidence and decisions of each phase, and the commands that change them.',
  Monitoring: 'Windows of counts against the baseline, and the episodes of drift and harm found in them.',
  Labels: 'Captured samples, the queue of those that people are to label, and ground truth.',
  Retraining: 'Why the loop did or did not retrain, and a person’s own request.',
  Lineage: 'From a prediction, a package or a version back to the bytes that it was trained on.',
  Inputs: 'What was refused at the edge, and why.',
  Audit: 'Who changed what, when, and what was there before.',
  Queues: 'Where failures land, and how they are handled once more.',
}

export const description = `Questions and commands of the people who look after a fleet. Made from the contracts in src/contracts/api by
\`node scripts/openapi.ts\`; every example is a recorded answer of the cloud on one machine, and the tests send each of them
again. The guide, with a section about every kind of problem, is docs/api.md.

**Tokens.** \`Authorization: Bearer\` with a JWT of the issuer and audience that the stack was deployed with. Each operation
names its one scope; a token may have it as it is (\`fleet:read\`) or as Cognito writes it (\`edgeloop/fleet:read\`).

**Lists** take \`limit\` (1 to ${MAX_LIMIT}, 50 unless given) and \`cursor\`, the \`next\` of the page before. \`next\` is null on the last
page. A list that filters reads a bounded number of rows for a page: it may give fewer items than asked for, or none, and
still have a \`next\`.

**ETag.** Questions answer with one, and with 304 when If-None-Match has it.

**Commands** may come with an \`Idempotency-Key\`: for 24 hours the same request with the same key changes nothing and gets the
first answer, with the header \`Idempotency-Replayed: true\`. Bodies are JSON of at most 256 KB, with lists and objects nested at most 4 deep;
a field that is not known is refused. 202 means that the command is committed and the rest follows from its event.

**Answers grow.** A reader has to pass over fields that it does not know.

**Limits.** Each person may give 120 commands a minute and 240 at once (parameter \`CommandsPerMinute\` of the stack). API
Gateway takes requests of at most 10 MB, and gives up after 30 seconds.`
