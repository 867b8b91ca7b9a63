import type { DriverFactory } from '../contracts/driver.js'
import { MachineError } from '../contracts/errors.js'
import { nearest } from '../util/nearest.js'
import { LEGACY_DRIVERS, LEGACY_HINT, LEGACY_PREFIX, PLUGIN_PREFIX } from './common/driver-names.js'

/** The built-in drivers, each loaded only when asked for. Their flags are in `flag-tables.ts`. */
const DRIVERS: Readonly<Record<string, () => Promise<DriverFactory>>> = {
  amazonec2: async () => (await import('./amazonec2/index.js')).factory,
  digitalocean: async () => (await import('./digitalocean/index.js')).factory,
  generic: async () => (await import('./generic/index.js')).factory,
  hetzner: async () => (await import('./hetzner/index.js')).factory,
  none: async () => (await import('./none/index.js')).factory,
  qemu: async () => (await import('./qemu/index.js')).factory,
}

/** What our own drivers are called where other tools use them as plugins (`driver serve`). */
const SERVED = /^ts-(.+)$/

/** Names of the built-in drivers, sorted. */
export function driverNames(): readonly string[] {
  return Object.keys(DRIVERS)
}

/** The built-in driver that a name of `driver serve` stands for; undefined for any other name. */
export function servedDriver(name: string): string | undefined {
  const served = SERVED.exec(name)?.[1]
  return served !== undefined && isBuiltIn(served) ? served : undefined
}

export function isBuiltIn(name: string): boolean {
  return Object.hasOwn(DRIVERS, name)
}

/** Loads one built-in driver. @throws MachineError `usage` in docker-machine's words when there is no such driver */
export async function loadFactory(name: string): Promise<DriverFactory> {
  const load = isBuiltIn(name) ? DRIVERS[name] : undefined
  if (load) return await load()
  throw unknownDriver(name)
}

/** As `loadFactory`, for those who make a plugin of it. @throws MachineError `usage` for a driver that is not ours */
export async function servableFactory(name: string): Promise<DriverFactory> {
  if (isBuiltIn(name)) return await loadFactory(name)
  throw new MachineError(
    'usage',
    `Only our own drivers can be served: ${driverNames().join(', ')}. ${JSON.stringify(name)} is none of them.`,
  )
}

/** What a driver is wanted for: a machine that exists needs no flags, and nothing is started for it. */
export type Purpose = 'recorded'

/**
 * All drivers that can be had here: built in, npm packages, plugins of docker-machine, and what docker-machine's own
 * program has built in. Each is loaded once.
 */
export class Drivers {
  readonly #loaded = new Map<string, Promise<DriverFactory>>()

  constructor(
    private readonly env: Readonly<Record<string, string | undefined>>,
    private readonly signal: () => AbortSignal,
  ) {}

  /** @throws MachineError `usage` for a driver that is not here, `driver` for one that cannot tell its flags */
  async load(name: string, purpose?: Purpose): Promise<DriverFactory> {
    if (isBuiltIn(name)) return await loadFactory(name)
    const whole = this.#loaded.get(`whole ${name}`)
    if (whole) return await whole
    const key = `${purpose ?? 'whole'} ${name}`
    const loading = this.#loaded.get(key) ?? this.#find(name, purpose)
    this.#loaded.set(key, loading)
    return await loading
  }

  /** Names of those that are not built in: npm packages that are installed, and plugins on PATH. */
  async furtherNames(): Promise<readonly string[]> {
    const [{ installedDrivers }, { pluginNames }] = await Promise.all([
      import('./package/installed.js'),
      import('./plugin/session/find-program.js'),
    ])
    const installed = installedDrivers(this.env).map(({ name }) => name)
    const names = new Set([...installed, ...pluginNames(this.env)])
    return [...names].filter((name) => !isBuiltIn(name)).toSorted()
  }

  async #find(name: string, purpose: Purpose | undefined): Promise<DriverFactory> {
    const served = purpose && servedDriver(name)
    if (served !== undefined) return await loadFactory(served)
    const found = (await this.#package(name)) ?? (await this.#plugin(name, purpose))
    if (found) return found
    await this.#refuseIdle(name)
    throw unknownDriver(name)
  }

  /** @throws MachineError `usage` where a plugin of the name is there, but is not executable */
  async #refuseIdle(name: string): Promise<void> {
    const { idlePlugin } = await import('./plugin/session/find-program.js')
    const plugin = name.startsWith(PLUGIN_PREFIX) ? name.slice(PLUGIN_PREFIX.length) : name
    const path = idlePlugin(plugin, this.env)
    if (path === undefined) return
    throw new MachineError('usage', `The plugin of driver "${plugin}" is not executable: ${path}`, {
      hints: [`chmod +x ${path}`],
    })
  }

  async #package(name: string): Promise<DriverFactory | undefined> {
    const { installedDriver, isDriverPath } = await import('./package/installed.js')
    if (!isDriverPath(name) && !installedDriver(name, this.env)) return undefined
    const { packageFactory } = await import('./package/factory.js')
    return await packageFactory(name, this.env)
  }

  async #plugin(name: string, purpose: Purpose | undefined): Promise<DriverFactory | undefined> {
    const { locatePlugin } = await import('./plugin/locate.js')
    const plugin = locatePlugin(name, this.env, purpose === 'recorded')
    if (!plugin) return undefined
    const { pluginFactory, pluginFlags } = await import('./plugin/index.js')
    const flags = purpose ? [] : await pluginFlags(plugin, this.env, this.signal())
    return pluginFactory(plugin, this.env, flags)
  }
}

function unknownDriver(name: string): MachineError {
  const [, prefix = '', plugin = name] = /^(plugin:|docker-machine:)(.*)$/s.exec(name) ?? []
  if (prefix === LEGACY_PREFIX && !LEGACY_DRIVERS.has(plugin)) return noLegacyDriver(plugin)
  if (prefix === LEGACY_PREFIX)
    return new MachineError(
      'usage',
      `Driver "${plugin}" of docker-machine: there is no docker-machine here`,
      { hints: [LEGACY_HINT] },
    )
  const near = nearest(plugin, driverNames())
  const isTheirs = prefix === '' && LEGACY_DRIVERS.has(plugin)
  return new MachineError(
    'usage',
    `Driver "${plugin}" not found. Do you have the plugin binary "docker-machine-driver-${plugin}" accessible in your PATH?`,
    {
      hints: [
        ...(near === undefined ? [] : [`Did you mean --driver ${near}?`]),
        ...(isTheirs ? [`With docker-machine's own program: --driver ${LEGACY_PREFIX}${plugin}`] : []),
        `Built-in drivers: ${driverNames().join(', ')}.`,
      ],
    },
  )
}

function noLegacyDriver(plugin: string): MachineError {
  const near = nearest(plugin, [...LEGACY_DRIVERS])
  const text =
    plugin === ''
      ? `--driver ${LEGACY_PREFIX} lacks the name of a driver: ${LEGACY_PREFIX}NAME`
      : `docker-machine has no driver "${plugin}"`
  return new MachineError('usage', text, {
    hints: [
      ...(near === undefined || plugin === '' ? [] : [`Did you mean --driver ${LEGACY_PREFIX}${near}?`]),
      `Drivers of docker-machine's own program: ${[...LEGACY_DRIVERS].join(', ')}.`,
    ],
  })
}
