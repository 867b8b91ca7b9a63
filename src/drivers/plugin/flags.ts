/** Create flags of a plugin as ours, and the values that it is given back. */
import type { FlagSpec, FlagValues } from '../../contracts/driver.js'
import { DEFAULT_INSTALL_URL, DEFAULT_SWARM, type MachineOptions } from '../../contracts/record.js'
import { oneLine } from '../../util/text.js'
import type { PluginFlag, PluginFlagValue, PluginFlagValues } from './wire/plugin-api.js'

const TYPES = { string: 'string', int: 'integer', stringSlice: 'list', bool: 'boolean' } as const

/** A plugin's flag as `create` takes it. Its name is its key: only the plugin knows what it stands for. */
export function flagSpec(flag: PluginFlag): FlagSpec {
  const { name, usage, envVar } = flag
  return {
    name,
    key: name,
    type: TYPES[flag.kind],
    summary: oneLine(usage),
    ...(envVar === '' ? {} : { env: envVar }),
    ...(flag.kind === 'bool' ? {} : { default: flag.value }),
  }
}

const ZERO: Readonly<Record<FlagSpec['type'], PluginFlagValue>> = {
  string: '',
  integer: { int: 0 },
  list: [],
  boolean: false,
}

/**
 * What `SetConfigFromFlags` is given: every flag of the plugin, in its exact type (one that is missing or of another
 * type counts as zero, with warnings), and docker-machine's shared flags.
 */
export function pluginValues(
  plugin: string,
  flags: readonly FlagSpec[],
  values: FlagValues,
  options: MachineOptions | undefined,
): PluginFlagValues {
  const own = flags.map((flag) => [flag.name, pluginValue(flag, values[flag.name])] as const)
  return { ...sharedValues(plugin, options), ...Object.fromEntries(own) }
}

function pluginValue({ type }: FlagSpec, value: FlagValues[string]): PluginFlagValue {
  if (typeof value === 'number') return { int: value }
  return value ?? ZERO[type]
}

/** Flags of docker-machine's `create` that are the same for all drivers: lists only where one was given. */
function sharedValues(plugin: string, options: MachineOptions | undefined): PluginFlagValues {
  const { engine, tlsSans = [], swarm = DEFAULT_SWARM } = options ?? {}
  const lists = {
    'engine-opt': engine?.opts,
    'engine-insecure-registry': engine?.insecureRegistries,
    'engine-registry-mirror': engine?.registryMirrors,
    'engine-label': engine?.labels,
    'engine-env': engine?.env,
    'tls-san': tlsSans,
    'swarm-opt': swarm.opts,
    'swarm-join-opt': swarm.joinOpts,
  }
  const given = Object.entries(lists).flatMap(([name, list]) => (list?.length ? [[name, list] as const] : []))
  return {
    driver: plugin,
    'engine-install-url': engine?.installUrl ?? DEFAULT_INSTALL_URL,
    'engine-storage-driver': engine?.storageDriver ?? '',
    swarm: swarm.agent,
    'swarm-master': swarm.master,
    'swarm-discovery': swarm.discovery,
    'swarm-addr': swarm.address,
    'swarm-host': swarm.host,
    'swarm-image': swarm.image,
    'swarm-strategy': swarm.strategy,
    'swarm-experimental': swarm.experimental,
    ...Object.fromEntries(given),
  }
}
