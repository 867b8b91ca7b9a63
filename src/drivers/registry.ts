import type { DriverFactory } from '../contracts/driver.js'
import { MachineError } from '../contracts/errors.js'
import { nearest } from '../util/nearest.js'

/** The built-in drivers, each loaded only when asked for. Their flags are in `flag-tables.ts`. */
const DRIVERS: Readonly<Record<string, () => Promise<DriverFactory>>> = {
  amazonec2: async () => (await import('./amazonec2/index.js')).factory,
  digitalocean: async () => (await import('./digitalocean/index.js')).factory,
  generic: async () => (await import('./generic/index.js')).factory,
  hetzner: async () => (await import('./hetzner/index.js')).factory,
  none: async () => (await import('./none/index.js')).factory,
  qemu: async () => (await import('./qemu/index.js')).factory,
}

/** Names of the built-in drivers, sorted. */
export function driverNames(): readonly string[] {
  return Object.keys(DRIVERS)
}

/** Loads one driver. @throws MachineError `usage` in docker-machine's words when there is no such driver */
export async function loadFactory(name: string): Promise<DriverFactory> {
  const load = Object.hasOwn(DRIVERS, name) ? DRIVERS[name] : undefined
  if (load) return await load()
  throw unknownDriver(name)
}

function unknownDriver(name: string): MachineError {
  const near = nearest(name, driverNames())
  return new MachineError(
    'usage',
    `Driver "${name}" not found. Do you have the plugin binary "docker-machine-driver-${name}" accessible in your PATH?`,
    {
      hints: [
        ...(near === undefined ? [] : [`Did you mean --driver ${near}?`]),
        `Built-in drivers: ${driverNames().join(', ')}.`,
      ],
    },
  )
}
