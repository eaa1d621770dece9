import type { ModelConfig } from '../../contracts/model-config.ts'
import { type ConfigFault, fault } from '../model/fault.ts'

/** A line of the hard lane that no row can ever fit is a mistake. */
export function* samplingFaults({ sampling, task, label }: ModelConfig): Generator<ConfigFault> {
  const { hard = [] } = sampling
  const lines = 'margin' in hard ? [{ strategy: 'margin' as const }] : hard
  for (const [i, line] of lines.entries()) {
    const path = ['sampling', 'hard', i]
    if (task === 'regression' && line.strategy !== 'outOfDistribution')
      yield fault('STRATEGY', `${line.strategy} needs classes, and a regression has none`, path)
    if (line.strategy !== 'class') continue
    const unknown = line.classes.find(name => !label.classes.includes(name))
    if (unknown !== undefined)
      yield fault('CLASSES', `"${unknown}" is none of label.classes`, [...path, 'classes'])
  }
}
