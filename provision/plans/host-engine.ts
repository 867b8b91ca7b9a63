import { MachineError } from '../../src/contracts/errors.js'
import type { JsonObject } from '../../src/contracts/json.js'
import type { Facts, Wanted } from '../../src/contracts/provision.js'
import { hostFlags, longFlags } from '../units.js'
import { parseDaemon } from './daemon-json.js'
import { LOCAL_SOCKET, placesOf } from './places.js'

/** What is true of the host's own engine whatever starts it: our address joins its command line. */

/** Addresses to be put behind the engine's own command line, which `where` has. */
export function addedAddresses(facts: Facts, wanted: Wanted, daemon: JsonObject, where: string): string[] {
  const command = facts.engine?.execStart ?? ''
  const { daemonJson } = placesOf(facts.init)
  refuseDoubles(command, daemon, where, daemonJson)
  if ('hosts' in parseDaemon(facts.daemonJson, daemonJson))
    throw new MachineError(
      'provision',
      `${daemonJson} on the host sets "hosts", so no address can be added to the command line`,
      { hints: [`Move "hosts" from ${daemonJson} to -H options of the host's ${where}.`] },
    )
  const ours = `tcp://0.0.0.0:${wanted.enginePort}`
  const own = hostFlags(command)
  if (own.includes(ours)) return []
  // Without any -H the engine listens on its socket; with one of ours it would no longer.
  return own.length > 0 ? [ours] : [LOCAL_SOCKET, ours]
}

/** dockerd refuses to start with a setting in both places. */
function refuseDoubles(command: string, daemon: JsonObject, where: string, daemonJson: string): void {
  const double = longFlags(command).find((flag) => flag in daemon || `${flag}s` in daemon)
  if (double === undefined) return
  throw new MachineError(
    'provision',
    `${where} on the host sets --${double} on its command line, and this machine needs "${double}" in ${daemonJson}`,
    { hints: [`Take --${double} out of the host's ${where}.`] },
  )
}
