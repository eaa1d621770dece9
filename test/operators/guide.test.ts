/** docs/api.md has every operation, scope and problem of the contract, and none besides. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { api, operations } from '../../src/contracts/api/index.ts'
import { DEFAULT_LIMIT, MAX_LIMIT, type Operation } from '../../src/contracts/api/operation.ts'
import { type Problem, problemCodes } from '../../src/contracts/api/problem.ts'
import { rolloutCommand } from '../../src/contracts/commands.ts'
import { scopes } from '../../src/contracts/scopes.ts'
import { failurePolicy } from '../../src/domain/errors.ts'
import { problem } from '../../src/runtime/http.ts'

const guide = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8')
const section = (heading: string): string =>
  guide.split(/^(?=##+ )/m).find(text => text.startsWith(`${heading}\n`)) ?? ''
const cells = (row: string): string[] =>
  row
    .split('|')
    .slice(1, -1)
    .map(cell => cell.trim())

/** Rows of the tables of operations by method and path. */
const rows = new Map(
  guide
    .split('\n')
    .filter(line => /^\| `[A-Z]+ \/v1\//.test(line))
    .map(line => [cells(line)[0]?.slice(1, -1) ?? '', cells(line)]),
)
/** What a fragment may name: ids, and headings as GitHub has them. */
const anchors = [
  ...[...guide.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id),
  ...[...guide.matchAll(/^##+ (.+)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  ),
]

const nameOf = ({ method, path }: Pick<Operation, 'method' | 'path'>): string => `${method} ${path}`

describe('operations', () => {
  it.each(operations.map(o => [nameOf(o), o] as const))(
    '%s',
    (name, { id, method, scope, status, query, body }) => {
      const [, operation, asked, about = '', last = ''] = rows.get(name) ?? []
      expect(operation).toBe(`\`${id}\``)
      expect(asked === '' && method === 'GET' ? '`fleet:read`' : asked).toBe(`\`${scope}\``)
      if (method !== 'GET') {
        expect(last.slice(0, 3)).toBe(String(status))
        const fields = body instanceof z.ZodObject ? Object.keys(body.shape) : []
        expect(fields.filter(field => !new RegExp(`\\b${field}\\b`).test(about))).toEqual([])
      } else {
        const filters = Object.keys(query.shape).filter(n => n !== 'limit' && n !== 'cursor')
        expect(filters.filter(n => !last.includes(`\`${n}\``))).toEqual([])
      }
    },
  )
  it('have all commands of a rollout', () => {
    const about = rows.get(nameOf(api.commandRollout))?.[3] ?? ''
    const missing = rolloutCommand.shape.command.options.filter(name => !about.includes(`\`${name}\``))
    expect(missing).toEqual([])
  })
  it('are all there is', () => {
    expect([...rows.keys()].sort()).toEqual(operations.map(nameOf).sort())
    const questions = operations.filter(o => o.method === 'GET').length
    const told = /(\d+) questions[^.]*?(\d+) commands/.exec(guide)?.slice(1).map(Number)
    expect(told).toEqual([questions, operations.length - questions])
  })
  it('are what the text and the examples speak of', () => {
    const known = operations.map(
      ({ method, path }) => new RegExp(`^(?:${method} )?${path.replaceAll(/\{\w+\}/g, '[^/ ]+')}$`),
    )
    const told = [...guide.matchAll(/(?:\b(?:GET|PUT|POST|PATCH|DELETE) )?\/v1\/[a-z][\w/{}-]*/g)]
    expect(told.length).toBeGreaterThan(operations.length)
    expect(told.map(String).filter(name => !known.some(pattern => pattern.test(name)))).toEqual([])
  })
})

it('has the scopes', () => {
  const table = section('## Tokens').matchAll(/^\| `(\w+:\w+)` \|/gm)
  expect([...table].map(([, scope]) => scope)).toEqual(scopes)
})

describe('problems', () => {
  it.each(problemCodes)('%s has a section with its status, where `type` points', code => {
    const status = code === 'IDEMPOTENCY_KEY_REUSED' ? 422 : failurePolicy[code].http
    const { type } = JSON.parse(problem(status, code, '', { instance: '' }).body) as Problem
    expect(section(`### ${code}`)).toMatch(new RegExp(`^### ${code}\\n\\n${status}\\. `))
    expect(anchors).toContain(new URL(type).hash.slice(1))
  })
  it('are all there is', () => {
    const headings = guide.matchAll(/^### ([A-Z_]+)$/gm)
    expect([...headings].map(([, code]) => code).sort()).toEqual([...problemCodes].sort())
  })
})

it('says how long pages are as the contract does', () => {
  const told = [...guide.matchAll(/\b1 to (\d+), (\d+) unless given/g)].map(([, most, usual]) => [
    most,
    usual,
  ])
  expect(told).toEqual(Array(2).fill([String(MAX_LIMIT), String(DEFAULT_LIMIT)]))
  expect(guide).toContain(`no whole number from 1 to ${MAX_LIMIT}`)
})

it('leads to sections that are there', () => {
  const links = [...guide.matchAll(/\]\(#([^)]+)\)/g)].map(([, id]) => id)
  expect(links.filter(id => !anchors.includes(id))).toEqual([])
})
