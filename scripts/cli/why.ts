/** `npx edgeloop why`: finds what an id is of, and says why it is so. */
import { UsageError } from '../lib/options.ts'
import { namer } from './api/names.ts'
import { API_HELP, apiOptions, type Client, openApi } from './api.ts'
import type { Command, Io } from './command.ts'
import { decisionStory } from './why/decision.ts'
import { deviceStory } from './why/device.ts'
import { predictionStory, sampleOf } from './why/prediction.ts'
import { rolloutStory } from './why/rollout.ts'

const KINDS = ['prediction', 'decision', 'device', 'rollout'] as const
type Kind = (typeof KINDS)[number]
interface Told {
  readonly lines: readonly string[]
  readonly data: object
}
/** Undefined when there is nothing of this kind by this name. */
type Teller = (client: Client, id: string, model: string | undefined, io: Io) => Promise<Told | undefined>

export const why: Command = {
  help: `Usage: npx edgeloop why PREDICTION | DECISION | DEVICE | ROLLOUT

Finds out what the id is of and explains in sentences: a prediction by its event id, where it comes from; a retrain decision,
what proposed it and which guards stood in its way; a device, what it should run, what it runs and why that differs; a
rollout, what it was decided by and what it waits for.

  --as KIND       prediction, decision, device or rollout, where one name is several
  --model MODEL   of the prediction or the decision, where there are very many models
${API_HELP}
Needs the scope fleet:read; the row of a prediction labels:write as well.
`,
  examples: [
    'containers-0007',
    'harm-bcb0c9d39471',
    'cold-chain-v3',
    'containers-0001-mwqcizae-7 --model cold-chain',
  ],
  options: { ...apiOptions, as: { type: 'string', choices: KINDS }, model: { type: 'string' } },
  positionals: [{ name: 'ID' }],
  async run(options, io) {
    const [id, ...more] = options.positionals
    if (id === undefined || more.length > 0)
      throw new UsageError('name one prediction, decision, device or rollout')
    const asked = KINDS.find(kind => kind === options.string('as'))
    const client = await openApi(options, io)
    for (const kind of asked === undefined ? likely(id) : [asked]) {
      const told = await tellers[kind](client, id, options.string('model'), io)
      if (told !== undefined)
        return {
          exit: 0,
          text: (await namer(client))(told.lines.join('\n')),
          data: { kind, id, ...told.data, explanation: told.lines },
        }
    }
    throw new UsageError(`there is no ${asked ?? 'prediction, decision, device or rollout'} "${id}"`)
  },
}

/** The forms of ids, the surest first; all of them are asked for. */
function likely(id: string): readonly Kind[] {
  const first: Kind[] = []
  if (/^[a-z0-9-]+-v\d+(-|$)/.test(id)) first.push('rollout')
  if (/^(manual|harm|drift|schedule|volume|drop)-/.test(id)) first.push('decision')
  if (/-[0-9a-z]+-[0-9a-z]+$/.test(id)) first.push('device', 'prediction')
  return [
    ...new Set([...first, 'device' as const, 'rollout' as const, 'decision' as const, 'prediction' as const]),
  ]
}

const tellers: Readonly<Record<Kind, Teller>> = {
  async device(client, thing, _model, io) {
    const device = await client.find('getDevice', { path: { thing } })
    return device && { lines: deviceStory(device, io), data: { device } }
  },
  async rollout(client, rollout, _model, io) {
    const found = await client.find('getRollout', { path: { rollout } })
    return found && { lines: rolloutStory(found, io), data: { rollout: found } }
  },
  async decision(client, decision, model, io) {
    const models = model === undefined ? await modelsOf(client) : [model]
    for (const name of models) {
      const found = await client.find('getRetrainDecision', { path: { model: name, decision } })
      if (found !== undefined) return { lines: decisionStory(found, io), data: { decision: found } }
    }
    return undefined
  },
  async prediction(client, eventId, model, io) {
    const document = await client.find('getPredictionLineage', { path: { eventId }, query: { model } })
    if (document === undefined) return undefined
    const found = await sampleOf(client, document, eventId)
    const features =
      found &&
      (await client.ask('getModel', { path: { model: document.model } })).config.features.map(f => f.name)
    const sample = found && features ? { found, features } : undefined
    return {
      lines: predictionStory(document, sample, io),
      data: { lineage: document, sample: found ?? null },
    }
  },
}

/** A decision is kept by its model, and its id does not name it. */
async function modelsOf(client: Client): Promise<string[]> {
  const models: string[] = []
  for await (const { model } of client.items('listModels', 'models', { query: { limit: 200 } }))
    models.push(model)
  return models
}
