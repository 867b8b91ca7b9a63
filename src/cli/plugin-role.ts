/** Which of docker-machine's plugins we were started as, if any. */
import { driverNames } from '../drivers/registry.js'

type Environment = Readonly<Record<string, string | undefined>>

/** What a host of plugins sets: a program that finds it is meant to be a plugin, whatever its arguments are. */
export function isPlugin(env: Environment): boolean {
  return env['MACHINE_PLUGIN_TOKEN'] === '42'
}

const PLUGIN_NAME = /^docker-machine-driver-(.+)$/
/** Our drivers beside plugins of the same name, and beside docker-machine's own. */
export const OWN_PREFIX = 'ts-'

/**
 * The command line that we run in place of the given one; undefined: we are no plugin. Under a plugin's own name we are
 * one whoever calls us; under docker-machine's only for who says so, as docker-machine is the plugin of its own drivers.
 */
export function pluginWords(calledAs: string, env: Environment): readonly string[] | undefined {
  const [, name] = PLUGIN_NAME.exec(calledAs) ?? []
  if (name !== undefined) return served(name)
  if (calledAs !== 'docker-machine' || !isPlugin(env)) return undefined
  const wanted = env['MACHINE_PLUGIN_DRIVER_NAME'] ?? ''
  return driverNames().includes(driverOf(wanted))
    ? served(wanted)
    : ['driver', 'serve', '--hand-over', wanted]
}

function served(name: string): readonly string[] {
  return ['driver', 'serve', '--as', name, driverOf(name)]
}

/** Our name of the driver that a host knows by this one. */
export function driverOf(name: string): string {
  return name.startsWith(OWN_PREFIX) ? name.slice(OWN_PREFIX.length) : name
}
