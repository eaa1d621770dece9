/** `npx edgeloop dead-letters` and `redrive`: what could not be handled, and having it handled once more. */
import { UsageError, whole } from '../lib/options.ts'
import { API_HELP, apiOptions, openApi } from './api.ts'
import type { Command } from './command.ts'
import { CONFIRM_HELP, confirmed, confirmOptions, reasonIn } from './confirm.ts'
import { table } from './table.ts'
import { ago, plain, plural } from './text.ts'

export const deadLetters: Command = {
  help: `Usage: npx edgeloop dead-letters [QUEUE]

Every place where failures land, and how much is there; or up to ten messages of one, with the error. Looking at messages
hides them from others for some seconds. Exits with 1 when anything is there.

${API_HELP}
Needs the scope fleet:read; messages queues:write.
`,
  examples: ['', 'reports-dead'],
  options: apiOptions,
  positionals: [{ name: 'QUEUE' }],
  async run(options, io) {
    const [queue, ...more] = options.positionals
    if (more.length > 0) throw new UsageError('name one queue')
    const client = await openApi(options, io)
    if (queue === undefined) {
      const { queues } = await client.ask('listQueues')
      const columns = [
        ...[{ title: 'QUEUE', keep: true }, { title: 'KIND' }, { title: 'MESSAGES', right: true }],
        ...[{ title: 'IN FLIGHT', right: true }, { title: 'LAST REDRIVE' }, { title: 'RUNBOOK' }],
      ]
      const rows = queues.map(q => [
        ...[q.queue, q.kind, String(q.messages), String(q.inFlight)],
        q.redrive === null
          ? ''
          : `${q.redrive.status}, ${q.redrive.moved} moved ${ago(q.redrive.at, io.now())}`,
        q.runbook,
      ])
      const waiting = queues.some(q => q.messages + q.inFlight > 0)
      return { exit: waiting ? 1 : 0, text: table(columns, rows, io), data: { queues } }
    }
    const { messages } = await client.ask('listDeadLetters', { path: { queue } })
    const lines = messages.flatMap(m => [
      `${io.paint.bold(m.messageId)} ${ago(m.sentAt, io.now())}, received ${plural(m.received, 'time')}${m.function === null ? '' : `, by ${m.function}`}`,
      ...(m.subject === null ? [] : [`  about ${plain(m.subject)}`]),
      ...(m.error === null ? [] : [`  ${io.paint.bad(plain(m.error))}`]),
      `  ${io.paint.dim(plain(m.body))}`,
    ])
    return {
      exit: messages.length > 0 ? 1 : 0,
      text: messages.length === 0 ? `Nothing is in ${queue}.` : lines.join('\n'),
      data: { queue, messages },
    }
  },
}

export const redrive: Command = {
  help: `Usage: npx edgeloop redrive QUEUE --reason "…" [--only N]

Has what landed in a queue handled once more, after its cause is mended: the queue's runbook says how to see that.

  --only N        at most so many of failures and undelivered, 1 to 100 (default 10); other queues are moved whole
${CONFIRM_HELP}${API_HELP}
Needs the scope queues:write. Exits with 1 when some could not be handed over.
`,
  examples: [
    'reports-dead --reason "the role is mended"',
    'failures --only 20 --reason "the role is mended" --yes',
  ],
  options: { ...apiOptions, ...confirmOptions, only: { type: 'string' } },
  positionals: [{ name: 'QUEUE' }],
  async run(options, io) {
    const [queue, ...more] = options.positionals
    if (queue === undefined || more.length > 0) throw new UsageError('name one queue')
    const max = whole('only', options.string('only'), 10, 1, 100)
    const reason = reasonIn(options)
    const client = await openApi(options, io)
    if (!(await confirmed(`Have the messages of ${queue} handled once more?`, options, io)))
      return { exit: 1, text: 'Nothing was done.', data: { result: 'declined', queue } }
    const answer = await client.ask('redrive', { path: { queue }, body: { reason, max } })
    const { task, redriven, left } = answer
    return {
      exit: left.length > 0 ? 1 : 0,
      text: [
        task === null
          ? `${io.paint.good('✓')} ${plural(redriven, 'message')} handed to their functions`
          : `${io.paint.good('✓')} ${queue} is being moved back to its queue; npx edgeloop dead-letters shows how far it is`,
        ...left.map(({ messageId, why }) => `${io.paint.warn('!')} ${messageId}: ${plain(why)}`),
      ].join('\n'),
      data: { result: 'given', ...answer },
    }
  },
}
