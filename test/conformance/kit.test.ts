import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { requirements } from '../../conformance/requirements.ts'
import { scenarios } from '../../conformance/scenarios/index.ts'
import { packageCodes } from '../../conformance/scenarios/packages.ts'
import { documentCodes } from '../../conformance/scenarios/refusals.ts'
import { REASONS } from '../../verifier/index.ts'
import * as agent from './agent.ts'
import { testAgent } from './mutate.ts'

const ids = requirements.map(({ id }) => id)

describe('the list of requirements', () => {
  it('has ids that are unique, and of one form', () => {
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(id).toMatch(/^DEV-[A-Z]+-\d{2}$/)
  })

  it('is what the scenarios judge, and nothing else', () => {
    expect([...new Set(scenarios.flatMap(scenario => scenario.ids))].sort()).toEqual(ids.toSorted())
  })

  it('has every code of the contract, except what cannot be brought about from outside', () => {
    const elsewhere = {
      FETCH_FAILED: 'DEV-FETCH-06',
      // A device asks for exactly the signed length, so no other length arrives.
      PACKAGE_LENGTH: null,
      // Needs a disk that is full, or a fault of the device itself.
      NO_SPACE: null,
      INTERNAL: null,
    }
    const covered = [...documentCodes, ...packageCodes].map(({ code }) => code)
    expect([...covered, ...Object.keys(elsewhere)].sort()).toEqual(REASONS.toSorted())
  })

  it('is in the docs, line by line', () => {
    const docs = readFileSync(new URL('../../docs/device-conformance.md', import.meta.url), 'utf8')
    for (const { id, text } of requirements) expect(docs).toContain(`| ${id} | ${text} |`)
  })
})

describe('the reference device', () => {
  it('passes everything that shows without a network', async () => {
    const { verdicts, passed, device } = await testAgent(agent)
    expect(verdicts.filter(({ verdict }) => verdict === 'fail')).toEqual([])
    expect(passed).toBe(true)
    expect(device.runtime).toBe('edgeloop-wasm')
    // A certificate and a growing pause need a real connection.
    const left = verdicts.filter(({ verdict }) => verdict === 'not-applicable').map(({ id }) => id)
    expect(left).toEqual(['DEV-CONN-02', 'DEV-CONN-06'])
  })

  it('gets no verdict on what was left out', async () => {
    const { verdicts } = await testAgent(agent, {
      only: ['DEV-FETCH-06', 'DEV-RUN'],
      quick: true,
      rows: false,
    })
    expect(verdicts.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual([
      'DEV-FETCH-06 not-applicable',
      'DEV-RUN-01 not-applicable',
      'DEV-RUN-02 not-applicable',
    ])
  })

  it('is not tested against a requirement that does not exist', async () => {
    await expect(testAgent(agent, { only: ['DEV-NONE-01'] })).rejects.toThrow(
      'there is no requirement DEV-NONE-01',
    )
  })
})
