/** People of a pool, kept in `realm.dir/cognito/POOL.json`. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Realm } from '../core/types.ts'
import { createJsonFile, readJsonFile } from '../iot/json-file.ts'
import type { User, Users } from './types.ts'

export function openUsers(realm: Realm, poolId: string, caseSensitive: boolean): Users {
  const dir = join(realm.dir, 'cognito')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const path = join(dir, `${poolId}.json`)
  const key = (username: string): string => (caseSensitive ? username : username.toLowerCase())
  const stored = (readJsonFile(path) ?? []) as readonly User[]
  const users = new Map(stored.map(user => [key(user.username), { ...user }]))
  const file = createJsonFile(
    path,
    () => [...users.values()],
    error => realm.log({ level: 'error', service: 'cognito', message: `users not saved: ${String(error)}` }),
  )
  return {
    find: username => users.get(key(username)),
    bySub: sub => [...users.values()].find(user => user.sub === sub),
    add(user) {
      users.set(key(user.username), user)
      file.save()
    },
    list: () => [...users.values()],
    save: () => file.save(),
    close: () => file.flush(),
  }
}
