import * as z from 'zod'
import { iotRegistry } from '../adapters/devices.ts'
import { tableStore } from '../adapters/table.ts'
import { api, routeKey } from '../contracts/api/index.ts'
import { type CommandDeps, commands } from '../domain/operators/commands.ts'
import { reviewCommands, reviewVault } from '../domain/operators/reviews.ts'
import { type CommandLimits, carryOut } from '../runtime/commands.ts'
import type { HttpResponse } from '../runtime/http.ts'
import { lambda } from '../runtime/lambda.ts'

type Name = keyof typeof commands
const names = new Map(Object.keys(commands).map(name => [routeKey(api[name as Name]), name as Name]))
/** As fast as a person with a script may go; `CommandsPerMinute` in the template. */
export const COMMAND_LIMITS: CommandLimits = { perMinute: 120, burst: 240 }

/** Commands of operators. The authorizer has checked token and scope before this runs; the token says who. */
export const opsCommand =
  (deps: CommandDeps, limits: CommandLimits = COMMAND_LIMITS) =>
  (event: unknown): Promise<HttpResponse> =>
    carryOut(
      deps,
      event,
      key => {
        const name = names.get(key)
        if (name === undefined) return undefined
        const carry = commands[name] as (deps: CommandDeps, asked: unknown, by: unknown) => Promise<unknown>
        return {
          operation: api[name],
          carry: (asked, commander) => carry(deps, asked, commander),
          ...(reviewCommands.has(name) ? { vault: reviewVault(deps) } : {}),
        }
      },
      limits,
    )

export const handler = lambda(
  { QUARANTINE_TABLE: z.string().min(1), COMMANDS_PER_MINUTE: z.coerce.number().int().min(1) },
  (env, core) =>
    opsCommand(
      {
        ...core,
        registry: iotRegistry(core.now),
        quarantine: tableStore(env.QUARANTINE_TABLE, core.now),
      },
      { perMinute: env.COMMANDS_PER_MINUTE, burst: 2 * env.COMMANDS_PER_MINUTE },
    ),
)
