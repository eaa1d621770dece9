import type * as z from 'zod'
import type { Api, OperationName } from '../../src/contracts/api/index.ts'
import type { LineageDocument, LineageNode } from '../../src/contracts/lineage.ts'
import type { Scope } from '../../src/contracts/scopes.ts'

export type { Api, LineageDocument, LineageNode, OperationName, Scope }

/** What an operation of docs/openapi.json answers. */
export type Answer<N extends OperationName> = z.infer<Api[N]['answer']>
/** What a command takes. */
export type Body<N extends OperationName> = z.input<NonNullable<Api[N]['body']>>

export type Overview = Answer<'getOverview'>
export type Attention = Overview['attention'][number]
export type FleetReport = Overview['fleets'][number]
export type Flight = Overview['rollouts'][number]
export type ModelState = Overview['models'][number]
export type Harm = ModelState['harm']
export type Rollout = Answer<'getRollout'>
export type RolloutSummary = Answer<'listRollouts'>['rollouts'][number]
export type Ladder = Rollout['ladder']
export type TestResult = Rollout['history'][number]['tests'][number]
export type RolloutCommand = Rollout['allowed'][number]
export type Device = Answer<'listDevices'>['devices'][number]
export type Version = Answer<'listVersions'>['versions'][number]
export type VersionTargets = Answer<'getVersion'>['targets']
export type WindowRow = Answer<'listWindows'>['windows'][number]
export type WindowDetail = Answer<'getWindow'>
export type Quantity = WindowRow['quantities'][number]
export type Decision = Answer<'listRetrainDecisions'>['decisions'][number]
export type Review = Answer<'listReviews'>['reviews'][number]
