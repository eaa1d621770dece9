import { packageCodes } from './scenarios/packages.ts'
import { documentCodes } from './scenarios/refusals.ts'

export interface Requirement {
  /** Never given to another requirement, and never changed. */
  readonly id: string
  /** What a device does. */
  readonly text: string
  /** How the kit shows it. */
  readonly test: string
}
const need = (id: string, text: string, test: string): Requirement => ({ id, text, test })
const always = 'every message of every scenario'

const refused = (code: string, name: string) =>
  `Refuses ${name} with ${code}, once, keeps nothing of it and goes on.`

/** What docs/device.md and docs/trust.md ask of a device and what can be seen from outside. */
export const requirements: readonly Requirement[] = [
  need(
    'DEV-CONN-01',
    'Connects with its certificate, with the thing name as client id, by MQTT 3.1.1, with a clean session.',
    'every CONNECT packet and its client certificate',
  ),
  need(
    'DEV-CONN-02',
    'Sends nothing to a broker whose certificate its authority did not sign.',
    'an impostor',
  ),
  need(
    'DEV-CONN-03',
    'Holds at most 10 subscriptions, with QoS 1: chain, beacon and manifest by their exact names, and its own `down`.',
    'every SUBSCRIBE packet',
  ),
  need('DEV-CONN-04', 'Publishes on its own `up` topics only, with QoS 1, never retained.', always),
  need('DEV-CONN-05', 'Comes back by itself after a lost connection.', 'the broker cuts it twice'),
  need('DEV-CONN-06', 'Waits longer and longer while it is not let in.', 'the broker is down for a minute'),
  need('DEV-MSG-01', 'Every message fits the schema of its kind in docs/asyncapi.json.', always),
  need('DEV-MSG-02', 'Every message is within the size of its kind.', always),
  need('DEV-SEQ-01', '(epoch, seq) never names two different messages.', always),
  need('DEV-SEQ-02', '(epoch, seq) of what is sent afresh rises, over restarts too.', 'every hello and ask'),
  need('DEV-SEQ-03', 'The epoch rises when storage was lost.', 'its folder is emptied between two starts'),
  need('DEV-HELLO-01', 'Says hello on every connect.', 'every connection'),
  need(
    'DEV-HELLO-02',
    'Hello tells the truth: active, previous, newest manifest accepted.',
    'restarts after updates',
  ),
  need('DEV-ASK-01', 'Asks on every connect, whatever was retained.', 'every connection'),
  need('DEV-ASK-02', 'An ask that nobody answers is asked again.', 'two answers are lost'),
  need('DEV-ASK-03', 'Needs nothing that is retained or pushed.', 'an update by asking alone'),
  need('DEV-ASK-04', '`have` names the root and the manifest that it accepted.', 'a restart after updates'),
  need(
    'DEV-ASK-05',
    'A hint makes it ask, and is no more than a hint.',
    'a hint of something new, and one of a counter that does not exist',
  ),
  need(
    'DEV-REP-01',
    'A terminal report comes again until it is acknowledged, unchanged.',
    'no acknowledgement',
  ),
  need('DEV-REP-02', 'An acknowledged report does not come again.', 'a pause and a restart behind it'),
  need(
    'DEV-REP-03',
    'A terminal report survives a power cut, unchanged.',
    'SIGKILL before the acknowledgement',
  ),
  need('DEV-REP-04', 'COMMITTED is reported once per manifest, bundle and rollout.', always),
  need('DEV-REP-05', 'A refused document is reported once.', 'one document, delivered 10 times'),
  need('DEV-REP-06', 'What the broker did not take is sent again.', 'PUBLISH without PUBACK in an update'),
  need(
    'DEV-OUT-01',
    'At most 32 refusals of documents wait; the rest is dropped and counted in hello.',
    '40 documents refused, none acknowledged',
  ),
  need(
    'DEV-UPD-01',
    'An update is reported step by step: ACCEPTED, FETCHED, VERIFIED, TESTED, COMMITTED.',
    'an update on a good day',
  ),
  need(
    'DEV-UPD-02',
    'The old model runs until the new one has passed.',
    'a restart in the middle of a download',
  ),
  need('DEV-UPD-03', 'The old model runs on when the new one is refused.', 'a package for other hardware'),
  need('DEV-UPD-04', 'A newer manifest takes over at any point.', 'one at each of five steps'),
  need(
    'DEV-UPD-05',
    'A release that is taken back at any point does not stay.',
    'the old one again at each step',
  ),
  need(
    'DEV-UPD-06',
    'A package that failed is not tried again under the same manifest.',
    'the manifest again, a hint, a restart',
  ),
  need(
    'DEV-UPD-07',
    'Going back to the previous release needs no download.',
    'two releases, then the first again',
  ),
  need(
    'DEV-UPD-08',
    'A candidate that already runs is reported COMMITTED once for its rollout.',
    'such a rollout',
  ),
  need('DEV-UPD-09', 'Nothing committed, or no entry, leaves what runs.', 'two such manifests'),
  ...['ACCEPTED', 'the first request for the bundle', 'a request in the middle of the package'].map(
    (step, i) =>
      need(
        `DEV-CUT-0${i + 1}`,
        `A power cut behind ${step} loses nothing that was said.`,
        'SIGKILL, then a start',
      ),
  ),
  ...['FETCHED', 'VERIFIED', 'TESTED', 'COMMITTED'].map((step, i) =>
    need(
      `DEV-CUT-0${i + 4}`,
      `A power cut behind ${step} loses nothing that was said.`,
      'SIGKILL, then a start',
    ),
  ),
  need(
    'DEV-FETCH-01',
    'Asks for blocks of signed files, within their lengths, of at most 98,304 bytes.',
    always,
  ),
  need('DEV-FETCH-02', 'Asks again for blocks that do not come.', 'every other block is lost once'),
  need('DEV-FETCH-03', 'Takes blocks doubled and in any order.', 'each twice, pairs swapped'),
  need(
    'DEV-FETCH-04',
    'Stores only blocks that it asked for, of exactly the length asked for.',
    'other offsets, lengths and digests beside the good ones',
  ),
  need('DEV-FETCH-05', 'Goes on behind what it has stored.', 'SIGKILL in the middle of a download'),
  need(
    'DEV-FETCH-06',
    'Gives up with FETCH_FAILED after a bounded number of attempts.',
    'a package that never comes',
  ),
  need('DEV-FETCH-07', 'Tries again after FETCH_FAILED.', 'a hint, and then the blocks come'),
  need(
    'DEV-SLOT-01',
    'Takes the candidate exactly if its place is below the exposure.',
    'exposures around its place',
  ),
  need(
    'DEV-SLOT-02',
    'A pin beats the draw: to the candidate, to the committed release, or to any other bundle, which leaves what runs.',
    'pins to each of them',
  ),
  need(
    'DEV-SHADOW-01',
    'A candidate in mode `shadow` is fetched and tested, reported SHADOWING, and does not take the slot.',
    'a restart behind SHADOWING',
  ),
  need(
    'DEV-SHADOW-02',
    'A candidate that leaves the shadow takes the slot without another download.',
    'the mode changes to active',
  ),
  ...[...documentCodes, ...packageCodes].map(({ id, code, name }) =>
    need(id, refused(code, name), 'such a one'),
  ),
  need('DEV-TRUST-41', 'Walks the whole chain of roots in one go.', 'three ceremonies while it is off'),
  need(
    'DEV-TRUST-42',
    'What a newer document may cure waits for an answer before it is refused.',
    'beacon and manifest come before the link that names their key',
  ),
  need('DEV-TRUST-43', 'A new epoch voids what online keys said before.', 'a lower counter in a new epoch'),
  need(
    'DEV-TRUST-44',
    'Time is the latest of its clock and all signed times.',
    'a beacon 60 days ahead, then a manifest that ends after 30',
  ),
  need('DEV-TRUST-45', 'Takes no manifest without a fresh beacon.', 'a manifest alone'),
  need(
    'DEV-BAR-01',
    'A revoked model stops at once, and the previous one runs.',
    'the active bundle is revoked',
  ),
  need(
    'DEV-BAR-02',
    'Bars add up, over manifests and restarts.',
    'a minimum that later manifests do not repeat',
  ),
  need('DEV-BAR-03', 'A bar of the trust root counts as well.', 'the only model is revoked by a link'),
  need(
    'DEV-OFF-01',
    'After months it takes the newest state and nothing between.',
    'six releases while it is off',
  ),
  need('DEV-ROB-01', 'Malformed messages on any topic neither stop nor confuse it.', 'a dozen on each topic'),
  need('DEV-ROB-02', 'An answer with unknown fields is passed over.', 'one, then a good one'),
  need(
    'DEV-ROB-03',
    'Converges when messages are doubled, late, out of order and lost.',
    'three updates with a third of all messages lost',
  ),
  need('DEV-ROB-04', 'Goes on with a download after the broker restarts.', 'three restarts in one download'),
  need('DEV-RUN-01', 'Answers with the old model until the new one is committed, then with the new.', 'rows'),
  need('DEV-RUN-02', 'Answers without a connection.', 'a start while the broker is down'),
  need(
    'DEV-MON-01',
    'Counts every inference once, in every feature and in the prediction.',
    'rows over windows',
  ),
  need('DEV-MON-02', 'A window that had to wait for a connection says so.', 'rows while the broker is down'),
  need('DEV-MON-03', 'A start that nobody asked for is told by the next window.', 'a power cut between rows'),
  need(
    'DEV-MON-04',
    'A candidate in the shadow runs on every row after the model, which goes on to answer.',
    'rows while a candidate is in the shadow',
  ),
  need('DEV-SAMPLE-01', 'The audit lane is the hash of the event id, and a row goes out once.', 'rows'),
  need(
    'DEV-SAMPLE-02',
    'The policy in the manifest takes the place of the package’s, over a restart, and each sample names it.',
    'rows before and after a power cut',
  ),
  need(
    'DEV-SAMPLE-03',
    'π is what was drawn with: the policy’s probability times the manifest’s factor.',
    'rows under half a policy',
  ),
  need(
    'DEV-SAMPLE-04',
    'Of rows that are not audited, the first strategy that a row fits decides, by the hash of the event id.',
    'rows that fit two strategies',
  ),
  need(
    'DEV-SAMPLE-05',
    'A burst takes the next rows that are not audited, as many as it says, once, over a power cut too.',
    'rows, a power cut, and the burst again',
  ),
  need(
    'DEV-SAMPLE-06',
    'What a limit keeps back is chosen and dropped in the window, and a power cut gives nothing back.',
    'more rows than an hour may have',
  ),
]
