import type { Facts, Step } from '../../src/contracts/provision.js'
import { type FileStep, run, TAG } from './steps.js'

/** What one way to have an engine under systemd adds to a plan, before and after the common configuration. */
export interface SystemdPart {
  readonly version?: string
  readonly before: readonly Step[]
  readonly after: readonly Step[]
}

/** systemd reads unit files again if some changed, now or in a run that was cut. */
export function reloadUnits(facts: Facts, units: readonly FileStep[]): Step[] {
  if (units.length === 0 && !facts.pending.includes(TAG.units)) return []
  return [run(['systemctl', 'daemon-reload'], 'have systemd read its units again', { settles: [TAG.units] })]
}

/** The login user may use the engine without sudo (`ssh NAME docker ps`). It can become root anyway. */
export function userInDockerGroup(facts: Facts): Step[] {
  if (facts.inDockerGroup) return []
  return [run(['sh', '@lib/docker-group.sh', facts.user], `let ${facts.user} use the engine`)]
}
