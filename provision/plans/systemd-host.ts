import { MachineError } from '../../src/contracts/errors.js'
import type { JsonObject } from '../../src/contracts/json.js'
import type { EngineFacts, Facts, Wanted } from '../../src/contracts/provision.js'
import { hostFlags, longFlags } from '../units.js'
import { parseDaemon } from './daemon-json.js'
import { DAEMON_JSON, DROP_IN, LOCAL_SOCKET } from './places.js'
import { file, openFiles, run, TAG } from './steps.js'
import { reloadUnits, type SystemdPart, userInDockerGroup } from './systemd.js'
import { dropIn } from './unit-texts.js'

/**
 * The distribution's own engine is kept. Our address goes behind its own command line (socket activation with
 * `-H fd://` goes on as it was), everything else into daemon.json.
 */
export function hostEngine(facts: Facts, wanted: Wanted, daemon: JsonObject): SystemdPart {
  const engine = facts.engine
  const command = engine?.execStart ?? `${engine?.path ?? '/usr/bin/dockerd'}`
  refuseDoubles(command, daemon)
  const addresses = addedAddresses(command, parseDaemon(facts.daemonJson), wanted.enginePort)
  const units = openFiles(facts, [
    file(DROP_IN, dropIn(command, addresses), 'have the engine listen on the machine’s port', {
      tags: [TAG.units, TAG.engine],
    }),
  ])
  return {
    ...(engine?.version ? { version: engine.version } : {}),
    before: [...userInDockerGroup(facts), ...units],
    after: [...reloadUnits(facts, units), ...enableSteps(engine)],
  }
}

/** dockerd refuses to start with a setting in both places. */
function refuseDoubles(command: string, daemon: JsonObject): void {
  const double = longFlags(command).find((flag) => flag in daemon || `${flag}s` in daemon)
  if (double === undefined) return
  throw new MachineError(
    'provision',
    `docker.service on the host sets --${double} on its command line, and this machine needs "${double}" in ${DAEMON_JSON}`,
    { hints: [`Take --${double} out of the host's docker.service.`] },
  )
}

function addedAddresses(command: string, existing: JsonObject, port: number): string[] {
  const ours = `tcp://0.0.0.0:${port}`
  if ('hosts' in existing)
    throw new MachineError(
      'provision',
      `${DAEMON_JSON} on the host sets "hosts", so no address can be added to the command line`,
      {
        hints: [`Move "hosts" from ${DAEMON_JSON} to -H options of the host's docker.service.`],
      },
    )
  const own = hostFlags(command)
  if (own.includes(ours)) return []
  // Without any -H the engine listens on its socket; with one of ours it would no longer.
  return own.length > 0 ? [ours] : [LOCAL_SOCKET, ours]
}

function enableSteps(engine: EngineFacts | undefined): SystemdPart['after'] {
  if (engine?.enabled || engine?.socketActivated) return []
  return [run(['systemctl', 'enable', 'docker.service'], 'start the engine at boot', { tolerate: true })]
}
