import { ModelFormatError } from '../errors.ts'
import { logf } from './logf.ts'

/** How an objective turns the stored base score into a margin (`ProbToMargin` in XGBoost). */
type Link = 'identity' | 'logit' | 'log'

const LINKS: Readonly<Record<string, Link>> = {
  'binary:logistic': 'logit',
  'binary:logitraw': 'identity',
  'binary:hinge': 'identity',
  'multi:softmax': 'identity',
  'multi:softprob': 'identity',
  'reg:logistic': 'logit',
  'reg:linear': 'identity',
  'reg:squarederror': 'identity',
  'reg:squaredlogerror': 'identity',
  'reg:absoluteerror': 'identity',
  'reg:pseudohubererror': 'identity',
  'reg:quantileerror': 'identity',
  'reg:gamma': 'log',
  'reg:tweedie': 'log',
  'count:poisson': 'log',
  'rank:pairwise': 'identity',
  'rank:ndcg': 'identity',
  'rank:map': 'identity',
}

// kRtEps: since 3.2 a logistic base score is clamped to [eps, 1 - eps], so that one-class labels have a finite logit.
const EPSILON = Math.fround(1e-6)

const logit = (score: number, clamps: boolean, path: string): number => {
  const p = clamps ? Math.min(Math.max(score, EPSILON), Math.fround(1 - EPSILON)) : score
  const odds = Math.fround(Math.fround(1 / p) - 1)
  if (!(score >= 0 && score <= 1 && odds > 0 && odds < Number.POSITIVE_INFINITY))
    throw new ModelFormatError(path, `must lie between 0 and 1 for a logistic objective, found ${score}`)
  return -logf(odds)
}

export const assertObjective = (name: string, path: string): void => {
  if (!Object.hasOwn(LINKS, name))
    throw new ModelFormatError(
      path,
      `objective ${JSON.stringify(name)} is not supported; use one of ${Object.keys(LINKS).join(', ')}`,
    )
}

/**
 * The base score in margin space, f32, as XGBoost computes it from the stored one; versions from 3.2 on clamp it (`clamps`).
 */
export const baseMargin = (objective: string, score: number, clamps: boolean, path: string): number => {
  const link = LINKS[objective]
  if (link === 'logit') return logit(score, clamps, path)
  if (link === 'log') {
    if (!(score > 0)) throw new ModelFormatError(path, `must be above 0 for ${objective}, found ${score}`)
    return logf(score)
  }
  return score
}
