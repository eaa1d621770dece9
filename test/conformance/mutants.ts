/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are lines of source */
/**
 * Devices that are broken on purpose, each in one way that a hurried implementer might choose: exact source lines of
 * the reference device and what stands there instead. Each must fail the requirements named, and no other.
 */
export interface Mutant {
  readonly name: string
  readonly fails: readonly string[]
  readonly edits: readonly { readonly file: string; readonly find: string; readonly put: string }[]
}
const edit = (file: string, find: string, put = '') => ({ file, find, put })
const one = (name: string, fails: readonly string[], file: string, find: string, put = ''): Mutant => ({
  name,
  fails,
  edits: [edit(file, find, put)],
})

export const mutants: readonly Mutant[] = [
  one(
    'lets a candidate out of the shadow',
    ['DEV-SHADOW-01', 'DEV-SHADOW-02', 'DEV-MON-04'],
    'device/placement.ts',
    "candidate.mode === 'shadow' ?",
    "candidate.mode === ('' as string) ?",
  ),
  one('never tells of a reset', ['DEV-MON-03'], 'device/agent.ts', 'if (!draft.stopped) draft.resets++'),
  one(
    'listens to everything',
    ['DEV-CONN-03'],
    'device/agent.ts',
    '        topics.down(thing),\n',
    "        topics.down(thing),\n        'edgeloop/v1/#',\n",
  ),
  one(
    'says more in hello than anybody asked for',
    ['DEV-MSG-01'],
    'device/agent.ts',
    '      runtime: options.runtime.name,\n      manifest',
    '      runtime: options.runtime.name,\n      uptime: 1,\n      manifest',
  ),
  one(
    'forgets the previous release in hello',
    ['DEV-HELLO-02'],
    'device/agent.ts',
    'previous: previous?.bundle.sha256 ?? null',
    'previous: null',
  ),
  one(
    'uses numbers again after a restart',
    ['DEV-SEQ-01', 'DEV-SEQ-02'],
    'device/state.ts',
    'const next = { nextSeq: current.nextSeq, nextEvent: current.nextEvent }',
    'const next = { nextSeq: 0, nextEvent: current.nextEvent }',
  ),
  one(
    'asks once',
    ['DEV-ASK-02', 'DEV-ROB-02'],
    'device/desk.ts',
    '() => ask(attempt + 1))',
    '() => undefined)',
  ),
  one(
    'does not care for hints',
    ['DEV-ASK-05'],
    'device/desk.ts',
    'if (counter >= (state.current.trust.manifest?.counter ?? 0)) ask(0)',
  ),
  one(
    'sends a terminal report once per connection',
    ['DEV-REP-01'],
    'device/uplink.ts',
    'if (online) sendKept(report)',
  ),
  one(
    'loses its reports with the power',
    ['DEV-REP-03'],
    'device/state.ts',
    '  return parsed.data\n',
    '  return { ...parsed.data, outbox: [] }\n',
  ),
  one(
    'reports a refused document whenever it comes',
    ['DEV-REP-05'],
    'device/desk.ts',
    '    if (state.current.refused.includes(key)) return\n',
  ),
  one(
    'keeps every refusal',
    ['DEV-OUT-01'],
    'device/uplink.ts',
    'if (refused.length >= MAX_REFUSED_DOCUMENTS) {',
    'if (refused.length >= 1e9) {',
  ),
  one(
    'says ACCEPTED before it is written',
    ['DEV-CUT-01'],
    'device/desk.ts',
    '      adopt(verified.state, draft => {\n',
    "      const first = wanted.find(s => s.slot === slots[0] && s.hardware === hardware)?.committed\n      if (first) uplink.send('report', { slot: slots[0], manifest: { epoch, counter }, bundle: first.bundle.sha256, step: 'ACCEPTED' })\n      adopt(verified.state, draft => {\n",
  ),
  one(
    'tries a bad package again and again',
    ['DEV-UPD-06'],
    'device/update/updater.ts',
    'target.job = retry ? { ...job, stalled: true } : null',
    'target.job = { ...job, stalled: true }',
  ),
  one(
    'does not keep what it ran before',
    ['DEV-UPD-07', 'DEV-BAR-01'],
    'device/update/files.ts',
    'for (const release of [slot.active, slot.previous, slot.job?.release,',
    'for (const release of [slot.active, slot.job?.release,',
  ),
  one(
    'confirms a rollout with every manifest',
    ['DEV-UPD-08'],
    'device/update/plan.ts',
    'rollout !== undefined && rollout !== slot.rollout',
    'rollout !== undefined',
  ),
  one(
    'asks for files that nobody signed',
    ['DEV-FETCH-01'],
    'device/update/fetcher.ts',
    '      if (!fetcher.online || fetch?.digest === ref.sha256) return\n',
    "      if (!fetcher.online || fetch?.digest === ref.sha256) return\n      deps.request('0'.repeat(64), 0, 16)\n",
  ),
  one(
    'waits for ever for a block',
    ['DEV-FETCH-02', 'DEV-FETCH-06', 'DEV-FETCH-07', 'DEV-ROB-03'],
    'device/update/fetch.ts',
    'if (!over) late(offset, length, attempts)',
  ),
  one(
    'takes blocks of any length',
    ['DEV-FETCH-04'],
    'device/update/fetch.ts',
    'if (over || expected === undefined || bytes.byteLength !== expected.length) return',
    'if (over || expected === undefined) return',
  ),
  one(
    'begins every download from the start',
    ['DEV-FETCH-05'],
    'device/update/fetch.ts',
    'let stored = storage.size(part) ?? 0',
    'storage.remove(part)\n  let stored = 0',
  ),
  one(
    'takes a candidate at the exposure',
    ['DEV-SLOT-01'],
    'device/placement.ts',
    'placement(candidate.seed, thing) < candidate.exposure',
    'placement(candidate.seed, thing) <= candidate.exposure',
  ),
  one(
    'draws against its pin',
    ['DEV-SLOT-02'],
    'device/placement.ts',
    'const pin = Object.hasOwn(slot.pins, thing) ? slot.pins[thing] : undefined',
    'const pin = undefined as string | undefined',
  ),
  one(
    'goes back to older manifests',
    ['DEV-TRUST-23'],
    'verifier/manifest.ts',
    'if (order < 0)',
    'if (order < -1)',
  ),
  one(
    'skips the self-test',
    ['DEV-TRUST-40'],
    'device/update/check.ts',
    'if (got !== expected)',
    "if (got === '')",
  ),
  one(
    'refuses at once what could be cured',
    ['DEV-TRUST-42'],
    'device/desk.ts',
    'if (last || !CURABLE.has(error.code)) {',
    'if (last || CURABLE.size > 0) {',
  ),
  one(
    'believes its clock alone',
    ['DEV-TRUST-44'],
    'verifier/state.ts',
    'Math.max(clock, state.time.root, state.time.online)',
    'clock',
  ),
  one(
    'never says that a window is late',
    ['DEV-MON-02'],
    'device/queue.ts',
    'message.body = { ...(message.body as object), historical: true }',
    'message.body = { ...(message.body as object) }',
  ),
  one(
    'forgets the policy of the manifest with the power',
    ['DEV-SAMPLE-02'],
    'device/state.ts',
    '  return parsed.data\n',
    '  for (const slot of Object.values(parsed.data.slots)) slot.sampling = null\n  return parsed.data\n',
  ),
  one(
    'does not care for the factor in the audit lane',
    ['DEV-SAMPLE-03'],
    'device/monitor/policy.ts',
    'const audit = policy.audit * policy.factor',
    'const audit = policy.audit',
  ),
  one(
    'lets the last strategy decide',
    ['DEV-SAMPLE-04'],
    'device/monitor/policy.ts',
    'policy.hard.find(',
    'policy.hard.findLast(',
  ),
  one(
    'begins a burst anew after a power cut',
    ['DEV-SAMPLE-05'],
    'device/monitor/budget.ts',
    'burst: { id, left: Math.max(0, left - BURST_BLOCK) }',
    'burst: { id, left }',
  ),
  one(
    'does not say what its limits kept back',
    ['DEV-SAMPLE-06'],
    'device/monitor/sampler.ts',
    '    countsOf(slot)[lane].dropped++\n',
  ),
]
