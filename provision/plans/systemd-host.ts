import type { JsonObject } from '../../src/contracts/json.js'
import type { EngineFacts, Facts, Step, Wanted } from '../../src/contracts/provision.js'
import { addedAddresses } from './host-engine.js'
import { type EnginePart, userInDockerGroup } from './part.js'
import { DROP_IN } from './places.js'
import { file, openFiles, run, TAG } from './steps.js'
import { reloadUnits } from './systemd-bundle.js'
import { dropIn } from './unit-texts.js'

/**
 * The distribution's own engine is kept. Our address goes behind its own command line (socket activation with
 * `-H fd://` goes on as it was), everything else into daemon.json.
 */
export function hostEngineOnSystemd(facts: Facts, wanted: Wanted, daemon: JsonObject): EnginePart {
  const engine = facts.engine
  const command = engine?.execStart ?? `${engine?.path ?? '/usr/bin/dockerd'}`
  const addresses = addedAddresses(facts, wanted, daemon, 'docker.service')
  const units = openFiles(facts, [
    file(DROP_IN, dropIn(command, addresses), 'have the engine listen on the machine’s port', {
      tags: [TAG.units, TAG.engine],
    }),
  ])
  return {
    ...(engine?.version ? { version: engine.version } : {}),
    before: userInDockerGroup(facts),
    after: [...units, ...reloadUnits(facts, units), ...enableSteps(engine)],
  }
}

/** Also beside an active socket: that starts the engine for its own callers, and our port has none. */
function enableSteps(engine: EngineFacts | undefined): Step[] {
  if (engine?.enabled) return []
  return [run(['systemctl', 'enable', 'docker.service'], 'start the engine at boot', { tolerate: true })]
}
