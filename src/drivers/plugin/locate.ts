import { LEGACY_DRIVERS, LEGACY_PREFIX, PLUGIN_PREFIX } from '../common/driver-names.js'
import type { PluginIdentity } from './identity.js'
import { legacyProgram, pluginProgram } from './session/find-program.js'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Finds the program for a driver that we do not have: `plugin:NAME` and plain names on PATH, `docker-machine:NAME` in
 * docker-machine's own program. That also serves its built-in drivers by their plain names where
 * TSMACHINE_LEGACY_DRIVERS is set, and for machines that exist.
 */
export function locatePlugin(
  name: string,
  env: Environment,
  isRecorded: boolean,
): PluginIdentity | undefined {
  if (name.startsWith(LEGACY_PREFIX)) return legacyPlugin(name, name.slice(LEGACY_PREFIX.length), env)
  const plugin = name.startsWith(PLUGIN_PREFIX) ? name.slice(PLUGIN_PREFIX.length) : name
  const program = pluginProgram(plugin, env)
  if (program !== undefined) return { name, plugin, program }
  const mayBeLegacy = plugin === name && (isRecorded || env['TSMACHINE_LEGACY_DRIVERS'] === '1')
  return mayBeLegacy && LEGACY_DRIVERS.has(name) ? legacyPlugin(name, name, env) : undefined
}

function legacyPlugin(name: string, plugin: string, env: Environment): PluginIdentity | undefined {
  if (!LEGACY_DRIVERS.has(plugin)) return undefined
  const program = legacyProgram(env)
  return program === undefined ? undefined : { name, plugin, program }
}
