import type { ModelConfig } from '../../contracts/model-config.ts'
import { InputError } from '../errors.ts'

/** A line of the hard lane that no row can ever fit is a mistake. @throws InputError */
export function checkSampling({ sampling, task, label }: ModelConfig): void {
  const { hard = [] } = sampling
  const lines = 'margin' in hard ? [{ strategy: 'margin' as const }] : hard
  for (const [i, line] of lines.entries()) {
    const field = `sampling.hard.${i}`
    if (task === 'regression' && line.strategy !== 'outOfDistribution')
      throw new InputError('STRATEGY', `${line.strategy} needs classes, and a regression has none`, field)
    if (line.strategy !== 'class') continue
    const unknown = line.classes.find(name => !label.classes.includes(name))
    if (unknown !== undefined)
      throw new InputError('CLASSES', `"${unknown}" is none of label.classes`, `${field}.classes`)
  }
}
