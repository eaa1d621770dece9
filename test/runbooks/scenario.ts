import type { Field } from '../../device/field.ts'
import type { World } from '../operations/world.ts'
import type { Ran } from './shell.ts'

export interface Scene {
  readonly world: World
  readonly field: Field
}
/** What a runbook is run on, and what is to be seen. Blocks are counted from 0. */
export interface Scenario {
  /** Brings the trouble about. */
  readonly before?: (scene: Scene) => Promise<void>
  /** Files that a person has at hand, by name. */
  readonly files?: (scene: Scene) => Readonly<Record<string, string>>
  /** What a person would put in place of words; asked before each block. */
  readonly words?: (
    scene: Scene,
    soFar: readonly Ran[],
  ) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>
  /** Exit statuses other than 0. */
  readonly statuses?: Readonly<Record<number, number>>
  /** What a block must print. */
  readonly prints?: Readonly<Record<number, RegExp>>
  /** Between two blocks: something in the world happens, or is waited for. */
  readonly between?: Readonly<Record<number, (scene: Scene, ran: Ran) => Promise<void>>>
  /** What has to hold at the end. */
  readonly after?: (scene: Scene) => Promise<void>
}
