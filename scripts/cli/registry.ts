/** Every command, by name. Each is loaded when it is called: what works offline needs no AWS SDK. */
import type { Command } from './command.ts'

export interface Entry {
  /** One word, or a group and a word. */
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<Command>
}

export const entries: readonly Entry[] = [
  {
    name: 'init',
    summary: 'begin a model project from a template',
    load: async () => (await import('./init.ts')).init,
  },
  {
    name: 'validate',
    summary: 'check model.yaml, and data against it, before anything is dropped',
    load: async () => (await import('./validate.ts')).validate,
  },
  {
    name: 'drop',
    summary: 'hand a model, data, labels or a list of devices to the loop',
    load: async () => (await import('./drop.ts')).drop,
  },
  {
    name: 'doctor',
    summary: 'check an account, or the local cloud, for what is missing',
    load: async () => (await import('./doctor.ts')).doctor,
  },
  {
    name: 'login',
    summary: "sign in at the issuer's page, for commands that ask the API",
    load: async () => (await import('./login.ts')).login,
  },
  {
    name: 'logout',
    summary: 'forget the sign-in',
    load: async () => (await import('./login.ts')).logout,
  },
  {
    name: 'status',
    summary: 'is anything wrong, and what to do about it',
    load: async () => (await import('./status.ts')).status,
  },
  {
    name: 'fleets',
    summary: "fleets, or one fleet's report",
    load: async () => (await import('./fleets.ts')).fleets,
  },
  {
    name: 'devices',
    summary: 'devices of a fleet',
    load: async () => (await import('./devices.ts')).devices,
  },
  {
    name: 'devices show',
    summary: 'one device: what it should run, what it runs, and why',
    load: async () => (await import('./devices-show.ts')).showDevice,
  },
  {
    name: 'models',
    summary: 'models, or one with drift and harm',
    load: async () => (await import('./models.ts')).models,
  },
  {
    name: 'versions',
    summary: 'versions of a model, or one with its gate',
    load: async () => (await import('./versions.ts')).versions,
  },
  {
    name: 'rollouts list',
    summary: 'rollouts, newest first',
    load: async () => (await import('./rollouts/list.ts')).listRollouts,
  },
  {
    name: 'rollouts show',
    summary: 'plan, evidence and decisions of a rollout',
    load: async () => (await import('./rollouts/show.ts')).showRollout,
  },
  {
    name: 'rollouts plan',
    summary: 'plan to roll out a version again, without starting it',
    load: async () => (await import('./rollouts/start.ts')).planRollout,
  },
  {
    name: 'rollouts start',
    summary: 'roll out a version again, or start what is planned',
    load: async () => (await import('./rollouts/start.ts')).startRollout,
  },
  {
    name: 'rollouts approve',
    summary: 'let a rollout that waits for a person go on',
    load: async () => (await import('./rollouts/order.ts')).orderCommand('approve'),
  },
  {
    name: 'rollouts pause',
    summary: 'take no further step',
    load: async () => (await import('./rollouts/order.ts')).orderCommand('pause'),
  },
  {
    name: 'rollouts resume',
    summary: 'go on',
    load: async () => (await import('./rollouts/order.ts')).orderCommand('resume'),
  },
  {
    name: 'rollouts promote',
    summary: 'go to the next phase without waiting for proof',
    load: async () => (await import('./rollouts/order.ts')).orderCommand('promote'),
  },
  {
    name: 'rollouts abort',
    summary: 'end a rollout',
    load: async () => (await import('./rollouts/order.ts')).orderCommand('abort'),
  },
  {
    name: 'rollouts roll-back',
    summary: 'end a rollout and take every device back',
    load: async () => (await import('./rollouts/order.ts')).orderCommand('roll-back'),
  },
  {
    name: 'why',
    summary: 'why a prediction, a decision, a device or a rollout is as it is',
    load: async () => (await import('./why.ts')).why,
  },
  {
    name: 'verify',
    summary: "explain a package's chain step by step, as a device checks it",
    load: async () => (await import('./verify.ts')).verify,
  },
  {
    name: 'lineage',
    summary: 'tell where a prediction, a package or a version comes from',
    load: async () => (await import('./lineage.ts')).lineage,
  },
  {
    name: 'decisions',
    summary: 'why it did, or did not, retrain',
    load: async () => (await import('./decisions.ts')).decisions,
  },
  {
    name: 'retrain',
    summary: 'ask for a retrain',
    load: async () => (await import('./retrain.ts')).retrain,
  },
  {
    name: 'reviews',
    summary: "samples that wait for a person's label",
    load: async () => (await import('./reviews.ts')).reviews,
  },
  {
    name: 'label',
    summary: 'label samples, one by one or by the file',
    load: async () => (await import('./label.ts')).label,
  },
  {
    name: 'rejected',
    summary: 'inputs that were refused',
    load: async () => (await import('./rejected.ts')).rejected,
  },
  {
    name: 'audit',
    summary: 'who did what, when',
    load: async () => (await import('./audit.ts')).audit,
  },
  {
    name: 'dead-letters',
    summary: 'what could not be handled',
    load: async () => (await import('./dead-letters.ts')).deadLetters,
  },
  {
    name: 'redrive',
    summary: 'have it handled once more',
    load: async () => (await import('./dead-letters.ts')).redrive,
  },
  {
    name: 'alarms',
    summary: 'alarms that are up, with what to do',
    load: async () => (await import('./alarms.ts')).alarms,
  },
  {
    name: 'trace',
    summary: 'the path of one drop through every function to the devices',
    load: async () => (await import('./trace.ts')).trace,
  },
  {
    name: 'logs',
    summary: 'lines of the functions, by level, code or chain',
    load: async () => (await import('./logs.ts')).logs,
  },
  {
    name: 'query',
    summary: 'ask the archived windows in SQL: DuckDB here, Athena in AWS',
    load: async () => (await import('./query.ts')).query,
  },
  {
    name: 'erase',
    summary: 'erase the samples of a device, or one, for good',
    load: async () => (await import('./erase.ts')).eraseCommand,
  },
  {
    name: 'keys new-root',
    summary: 'make offline root keys',
    load: async () => (await import('./keys-new-root.ts')).newRoot,
  },
  {
    name: 'keys fetch',
    summary: 'fetch the public keys that the stack signs with',
    load: async () => (await import('./keys-fetch.ts')).fetchKeys,
  },
  {
    name: 'keys root',
    summary: 'draft the first or the next trust root',
    load: async () => (await import('./keys-root.ts')).draftRoot,
  },
  {
    name: 'keys sign',
    summary: 'sign a draft with a root key',
    load: async () => (await import('./keys-sign.ts')).signDraft,
  },
  {
    name: 'keys publish',
    summary: 'put a signed draft behind the chain and publish it',
    load: async () => (await import('./keys-publish.ts')).publishDraft,
  },
  {
    name: 'keys show',
    summary: 'show a chain of trust roots',
    load: async () => (await import('./keys-show.ts')).showChain,
  },
  {
    name: 'keys status',
    summary: 'show what devices get, and whether the stack signs with keys that they trust',
    load: async () => (await import('./keys-status.ts')).status,
  },
  {
    name: 'device-test',
    summary: 'test an implementation of the device contract, requirement by requirement',
    load: async () => (await import('./device-test.ts')).deviceTest,
  },
  {
    name: 'completion',
    summary: 'print completions for bash, zsh or fish',
    load: async () => (await import('./completion.ts')).completion,
  },
]

/** The command that these arguments begin with: the longest name that fits. */
export const commandOf = (args: readonly string[]): Entry | undefined =>
  entries
    .filter(({ name }) => name.split(' ').every((word, i) => args[i] === word))
    .sort((a, b) => b.name.length - a.name.length)[0]

/** Words that several commands begin with. */
export const groups: readonly string[] = [
  ...new Set(entries.flatMap(({ name }) => (name.includes(' ') ? [name.split(' ')[0] as string] : []))),
]
