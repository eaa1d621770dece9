import type { Questions } from './ask.ts'
import { deviceQuestions } from './ask-devices.ts'
import { fleetQuestions } from './ask-fleets.ts'
import { modelQuestions } from './ask-models.ts'
import { rolloutQuestions } from './ask-rollouts.ts'
import { systemQuestions } from './ask-system.ts'
import { lineageQuestions } from './lineage.ts'
import { reviewQuestions } from './reviews.ts'

/** What ops-query answers. */
export const questions = {
  ...fleetQuestions,
  ...deviceQuestions,
  ...modelQuestions,
  ...rolloutQuestions,
  ...reviewQuestions,
  ...lineageQuestions,
  ...systemQuestions,
} satisfies Partial<Questions<never>>
