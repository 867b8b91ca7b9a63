import { isMachineError } from '../contracts/errors.js'
import type { Stage } from '../contracts/events.js'

/** What docker-machine puts in front of a failure, by the stage of ours that its step belongs to. */
const PREFIXES: Readonly<Partial<Record<Stage, string>>> = {
  make: 'Error in driver during machine creation: ',
  boot: 'Error waiting for machine to be running: ',
  ssh: 'Error detecting OS: ',
  identity: 'Error detecting OS: ',
  provision: 'Error running provisioning: ',
  swarm: 'Error running provisioning: ',
  engine: 'Error checking the host: ',
  tls: 'Error checking the host: ',
}

/** A failed create in docker-machine's words; what is no failure of a stage stays as it is. */
export function createFailure(thrown: unknown): unknown {
  if (!isMachineError(thrown) || thrown.code === 'cancelled') return thrown
  const prefix = PREFIXES[thrown.stage as Stage]
  return prefix === undefined ? thrown : thrown.prefixed(`Error creating machine: ${prefix}`)
}
