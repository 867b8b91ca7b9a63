import { Flags } from '@oclif/core'
import { MachineError } from '../contracts/errors.js'
import { DEFAULT_SWARM, type SwarmChoices } from '../contracts/record.js'

const SWARM = { helpGroup: 'CLASSIC SWARM' }
const list = (summary: string) =>
  Flags.string({
    ...SWARM,
    summary: `${summary} [may be repeated]`,
    helpValue: 'OPT',
    multiple: true,
    multipleNonGreedy: true,
  })
const text = (summary: string, helpValue: string) => Flags.string({ ...SWARM, summary, helpValue })
const flag = (summary: string) => Flags.boolean({ ...SWARM, summary })

/** docker-machine's flags of `create` for swarms that run as containers (docs/docker-machine.md, Swarm). */
export const SWARM_FLAGS = {
  swarm: flag('Join a classic swarm.'),
  'swarm-master': flag('Be the manager of a classic swarm.'),
  'swarm-discovery': text('Discovery service of the swarm.', 'URL'),
  'swarm-strategy': text(`How the manager places containers. [default: ${DEFAULT_SWARM.strategy}]`, 'NAME'),
  'swarm-opt': list('Option of the manager, without dashes.'),
  'swarm-join-opt': list('Option of the agent, without dashes.'),
  'swarm-host': text(`Where the manager listens. [default: ${DEFAULT_SWARM.host}]`, 'URL'),
  'swarm-addr': text('Recorded for docker-machine, and not used.', 'ADDRESS'),
  'swarm-image': text(
    `Image of manager and agent. [env: MACHINE_SWARM_IMAGE; default: ${DEFAULT_SWARM.image}]`,
    'IMAGE',
  ),
  'swarm-experimental': flag('Turn on experimental features of the manager.'),
}

/** What oclif's parser makes of them. */
export type SwarmFlagValues = {
  readonly [K in keyof typeof SWARM_FLAGS]?: string | boolean | readonly string[] | undefined
}

/** The choices, if there are any. @throws MachineError `usage` for a URL that is none */
export function swarmChoices(
  flags: SwarmFlagValues,
  env: Readonly<Record<string, string | undefined>>,
): SwarmChoices | undefined {
  if (Object.keys(SWARM_FLAGS).every((name) => flags[name as keyof SwarmFlagValues] === undefined))
    return undefined
  const value = (name: keyof SwarmFlagValues): string => {
    const given = flags[name]
    return typeof given === 'string' ? given : ''
  }
  const values = (name: keyof SwarmFlagValues): readonly string[] => {
    const given = flags[name]
    return Array.isArray(given) ? (given as readonly string[]) : []
  }
  return {
    agent: flags.swarm === true,
    master: flags['swarm-master'] === true,
    discovery: discovery(value('swarm-discovery')),
    address: value('swarm-addr'),
    host: host(value('swarm-host') || DEFAULT_SWARM.host),
    image: value('swarm-image') || env['MACHINE_SWARM_IMAGE'] || DEFAULT_SWARM.image,
    strategy: value('swarm-strategy') || DEFAULT_SWARM.strategy,
    opts: values('swarm-opt'),
    joinOpts: values('swarm-join-opt'),
    experimental: flags['swarm-experimental'] === true,
  }
}

function discovery(url: string): string {
  if (url === '' || /^[^:]*:\/\/.*/.test(url)) return url
  throw new MachineError(
    'usage',
    `Error parsing swarm discovery: Swarm Discovery URL was in the wrong format: ${url}`,
    { hints: ['Such as: --swarm-discovery consul://192.0.2.10:8500'] },
  )
}

/** The port is published, so there must be one. */
function host(url: string): string {
  const port = Number(/^[a-z]+:\/\/[^/]*:(\d+)\/?$/.exec(url)?.[1] ?? 0)
  if (port > 0 && port < 65_536) return url
  throw new MachineError('usage', `--swarm-host wants tcp://ADDRESS:PORT, not "${url}"`)
}
