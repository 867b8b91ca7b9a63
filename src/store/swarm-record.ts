/** Classic swarm in docker-machine's record. Pure. */
import { DEFAULT_SWARM, type JsonObject, type SwarmChoices } from '../contracts/record.js'

/** `HostOptions.SwarmOptions`: every key, in docker-machine's order. Without a choice, what was there stays. */
export function swarmOptions(choices: SwarmChoices | undefined, previous: JsonObject): JsonObject {
  if (!choices) return previous
  const { agent, master, ...chosen } = choices
  return {
    IsSwarm: agent || master,
    Address: chosen.address,
    Discovery: chosen.discovery,
    Agent: agent,
    Master: master,
    Host: chosen.host,
    Image: chosen.image,
    Strategy: chosen.strategy,
    Heartbeat: previous['Heartbeat'] ?? 0,
    Overcommit: previous['Overcommit'] ?? 0,
    ArbitraryFlags: chosen.opts,
    ArbitraryJoinFlags: chosen.joinOpts,
    Env: previous['Env'] ?? null,
    IsExperimental: chosen.experimental,
  }
}

/** The choices of a machine that is in a swarm. */
export function swarmOf(options: JsonObject): SwarmChoices | undefined {
  const text = (key: string): string => (typeof options[key] === 'string' ? options[key] : '')
  const list = (key: string): readonly string[] =>
    Array.isArray(options[key]) ? options[key].filter((item) => typeof item === 'string') : []
  const [agent, master] = [options['Agent'] === true, options['Master'] === true]
  if (!agent && !master) return undefined
  return {
    agent,
    master,
    discovery: text('Discovery'),
    address: text('Address'),
    host: text('Host') || DEFAULT_SWARM.host,
    image: text('Image') || DEFAULT_SWARM.image,
    strategy: text('Strategy') || DEFAULT_SWARM.strategy,
    opts: list('ArbitraryFlags'),
    joinOpts: list('ArbitraryJoinFlags'),
    experimental: options['IsExperimental'] === true,
  }
}

/** docker-machine's drivers for hosts that exist leave these as they are. */
const WITHOUT_SWARM_FIELDS: readonly string[] = ['none', 'generic']

/** What a driver of docker-machine's records of the same flags. */
export function swarmFields(driver: string, choices: SwarmChoices | undefined): JsonObject {
  if (!choices || WITHOUT_SWARM_FIELDS.includes(driver)) return {}
  return { SwarmMaster: choices.master, SwarmHost: choices.host, SwarmDiscovery: choices.discovery }
}
