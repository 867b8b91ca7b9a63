import { MachineError } from '../../../contracts/errors.js'

type Environment = Readonly<Record<string, string | undefined>>

/** Counts how often tsmachine is between the user and this process. */
export const DEPTH = 'TSMACHINE_PLUGIN_DEPTH'

/** A plugin may be a wrapper that starts us, which starts a plugin. Deeper than this it is a circle. */
const DEEPEST = 2

/** How many of us started one another until this process. */
export function pluginDepth(env: Environment): number {
  const depth = Number(env[DEPTH] ?? 0)
  return Number.isInteger(depth) && depth > 0 ? depth : 0
}

/** @throws MachineError `driver` when a plugin that is started from here would be one too deep */
export function checkDepth(what: string, env: Environment): void {
  if (pluginDepth(env) < DEEPEST) return
  throw new MachineError(
    'driver',
    `${what} was not started: tsmachine and a plugin start each other in a circle`,
    {
      hints: ['Look which program docker-machine-driver-* or docker-machine on PATH really is.'],
    },
  )
}

/** The environment of a plugin: ours, as docker-machine hands on its own, without what is meant for us alone. */
export function pluginEnvironment(driver: string, env: Environment): Record<string, string> {
  const inherited = Object.entries(env).flatMap(([key, value]) =>
    value === undefined || key.startsWith('TSMACHINE_') ? [] : [[key, value] as const],
  )
  return {
    ...Object.fromEntries(inherited),
    MACHINE_PLUGIN_TOKEN: '42',
    MACHINE_PLUGIN_DRIVER_NAME: driver,
    [DEPTH]: String(pluginDepth(env) + 1),
  }
}
