/** What devices, files and people sent cannot steer the terminal of who reads it. */
import { describe, expect, it } from 'vitest'
import { look, type Reads } from '../../scripts/cli/drop/follow.ts'
import { lineText } from '../../scripts/cli/logs.ts'
import { makePaint } from '../../scripts/cli/paint.ts'
import { plainLines } from '../../scripts/cli/text.ts'
import { stepLines } from '../../scripts/cli/trace.ts'
import type { Step } from '../../scripts/lib/trace/tree.ts'
import { run } from './support.ts'

const EVIL = '\u001b[2J\u001b]0;title\u0007a\u0007b\r\n2026-01-01T00:00:00Z ERROR forged\u009b31m'
const paint = makePaint(false)
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

describe('a line of a log', () => {
  const line = { at: 0, fn: 'ingest-reports', code: 'REPORT_REFUSED', level: 'WARN', fields: {} }
  it.each([
    ['a field', { fields: { reason: EVIL } }],
    ['a field within a field', { fields: { about: { reason: EVIL } } }],
    ['a message that is no code', { code: 'UNCAUGHT', fields: { message: { error: EVIL } } }],
    ['its code', { code: EVIL }],
    ['its level', { level: EVIL }],
    ['the name of a field', { fields: { [EVIL]: 1 } }],
  ])('is one line, and says nothing to the terminal: %s', (_, more) => {
    const text = lineText({ ...line, ...more }, 0, paint)
    expect(text).not.toMatch(CONTROL)
    expect(text).toContain('ingest-reports')
  })
})

it('a step of a trace shows errors, and what events are about, as text', () => {
  const step: Step = {
    ...{ fn: 'register-dataset', what: EVIL, request: 'r', at: 0, error: EVIL },
    ...{ wrote: [EVIL], rows: 1, said: [{ at: 0, code: EVIL, level: 'WARN' }] },
    emitted: [{ type: EVIL, id: 'e', at: 0, about: { key: EVIL }, handled: [] }],
    outcome: 'failed',
  }
  const lines = stepLines(step, '', 0, paint)
  expect(lines).toHaveLength(4)
  for (const line of lines) expect(line).not.toMatch(CONTROL)
})

it('why a drop was refused', async () => {
  const row = { rejection: 'r', channel: 's3', subject: 'datasets/m/a.csv', code: 'SCHEMA', reason: EVIL }
  const reads = {
    get: async () => undefined,
    list: async () => [{ data: row }],
  } as unknown as Reads
  const fate = await look(
    reads,
    {
      ...{ kind: 'dataset', model: 'm', key: row.subject, versionId: undefined, sha256: 'a'.repeat(64) },
      ...{ serials: [], refusedBefore: new Set() },
    },
    'registered',
  )
  expect(fate.result).toBe('refused')
  expect([fate.text, ...(fate.reasons ?? [])].join('')).not.toMatch(CONTROL)
})

describe('an error', () => {
  it('keeps its own lines, and nothing else', () => {
    expect(plainLines('one\r\n\u001b[1mtwo\u0007')).toBe('one\ntwo ')
  })

  it.each([
    ['of the usage', ['validate', `nowhere${EVIL}`]],
    ['of a command that there is not', [`x${EVIL}`]],
  ])('%s', async (_, args) => {
    const { exit, err } = await run(args)
    expect(exit).toBe(2)
    expect(err).not.toContain('\u001b')
    expect(err).not.toContain('\u0007')
    expect(err).not.toContain('\u009b')
  })
})
