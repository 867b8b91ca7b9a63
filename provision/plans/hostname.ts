import type { Facts, Step, Wanted } from '../../src/contracts/provision.js'
import type { EngineSource } from '../../src/contracts/record.js'
import { run } from './steps.js'

/** Linux takes 64 bytes. */
const HOST_NAME = /^(?=.{1,64}$)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/

export function isHostName(name: string): boolean {
  return HOST_NAME.test(name)
}

/** As docker-machine does it. Our image has its name from its configuration disk. */
export function hostnameSteps(facts: Facts, wanted: Wanted, source: EngineSource): Step[] {
  if (source === 'image' || facts.hostname === wanted.hostName || !isHostName(wanted.hostName)) return []
  return [run(['sh', '@lib/hostname.sh', wanted.hostName], `name the host ${wanted.hostName}`)]
}
