import type { JsonObject } from '../../src/contracts/json.js'
import type { Facts, Step, Wanted } from '../../src/contracts/provision.js'
import { run } from './steps.js'

/** What one way to have an engine adds to a plan. */
export interface EnginePart {
  readonly version?: string
  readonly before: readonly Step[]
  /**
   * What puts the machine's address on a command line, and what acts on that: when daemon.json asks for certificates, so that
   * an engine that starts in the midst of a plan is open to nobody.
   */
  readonly after: readonly Step[]
}

export type MakePart = (facts: Facts, wanted: Wanted, daemon: JsonObject) => EnginePart

/** The login user may use the engine without sudo (`ssh NAME docker ps`). It can become root anyway. */
export function userInDockerGroup(facts: Facts): Step[] {
  if (facts.inDockerGroup) return []
  return [run(['sh', '@lib/docker-group.sh', facts.user], `let ${facts.user} use the engine`)]
}
