import type { JsonObject } from '../../src/contracts/json.js'
import type { Facts, Step, Wanted } from '../../src/contracts/provision.js'
import { run } from './steps.js'

/** What one way to have an engine adds to a plan, before and after the common configuration. */
export interface EnginePart {
  readonly version?: string
  readonly before: readonly Step[]
  readonly after: readonly Step[]
}

export type MakePart = (facts: Facts, wanted: Wanted, daemon: JsonObject) => EnginePart

/** The login user may use the engine without sudo (`ssh NAME docker ps`). It can become root anyway. */
export function userInDockerGroup(facts: Facts): Step[] {
  if (facts.inDockerGroup) return []
  return [run(['sh', '@lib/docker-group.sh', facts.user], `let ${facts.user} use the engine`)]
}
