import type { Driver, DriverDeps, DriverFactory, FlagSpec } from '../../contracts/driver.js'
import { parseWith } from '../common/flags.js'
import { recordedUser } from '../common/recorded/endpoint.js'
import { PluginDriver } from './driver.js'
import { flagSpec } from './flags.js'
import { Glances } from './glances.js'
import { hasSsh, type PluginIdentity } from './identity.js'
import { recordedResources } from '../common/recorded/machine-resource.js'
import { askFlags, PluginSessions } from './sessions.js'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * A plugin of docker-machine as a driver like any other. Nothing is started before it is asked something.
 * @param flags what it has told of its create flags (`pluginFlags`); none for a machine that exists
 */
export function pluginFactory(
  plugin: PluginIdentity,
  env: Environment,
  flags: readonly FlagSpec[] = [],
): DriverFactory {
  const ssh = hasSsh(plugin)
  const opened = new WeakMap<DriverDeps, Driver>()
  return {
    name: plugin.name,
    recordedAs: plugin.plugin,
    summary: `The plugin ${plugin.program}`,
    capabilities: {
      power: true,
      suspend: false,
      console: false,
      localState: false,
      opaque: true,
      hostKey: 'first-use',
      ssh,
      bootImage: false,
      forwards: false,
      access: false,
      inventory: false,
    },
    flags,
    parse: (values) => parseWith(flags, values),
    // docker-machine and its plugins know of no host keys.
    ...(ssh ? { login: () => ({ user: '', trustFirstUse: true }) } : {}),
    record: {
      unread: true,
      toFields: () => ({}),
      fromFields: (fields, previous) => ({
        config: {},
        resources: recordedResources(fields, previous?.resources),
      }),
      login: (fields) =>
        ssh ? { user: recordedUser(plugin.plugin, fields), keyFile: 'id_rsa' } : { user: '', keyFile: '' },
    },
    open(deps) {
      const driver = opened.get(deps) ?? openPlugin(plugin, { env, flags, deps })
      opened.set(deps, driver)
      return Promise.resolve(driver)
    },
  }
}

/** Nothing of its processes is loaded for what its record alone tells. */
function openPlugin(
  plugin: PluginIdentity,
  { env, flags, deps }: { env: Environment; flags: readonly FlagSpec[]; deps: DriverDeps },
): Driver {
  let sessions: PluginSessions | undefined
  let glances: Glances | undefined
  const reuse = env['TSMACHINE_PLUGIN_REUSE'] !== '0'
  const open = (): PluginSessions => (sessions ??= new PluginSessions(plugin, deps, env))
  const look = (): Glances =>
    (glances ??= new Glances(open(), { clock: deps.clock, reuse, debug: deps.debug }))
  return new PluginDriver(plugin, flags, open, look, deps)
}

/** The create flags of a plugin, which is started to tell them. */
export async function pluginFlags(
  plugin: PluginIdentity,
  env: Environment,
  signal: AbortSignal,
): Promise<readonly FlagSpec[]> {
  const flags = await askFlags(plugin, env, () => undefined, signal)
  return flags.map(flagSpec).toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
