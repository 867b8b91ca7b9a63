import type { DriverFactory, FlagSpec } from '../contracts/driver.js'
import { MachineError } from '../contracts/errors.js'
import { nearest } from '../util/nearest.js'

/** One built-in driver: both halves are loaded only when asked for, its flags without its code. */
interface Row {
  readonly flags: () => Promise<readonly FlagSpec[]>
  readonly factory: () => Promise<DriverFactory>
}

const DRIVERS: Readonly<Record<string, Row>> = {
  amazonec2: {
    flags: async () => (await import('./amazonec2/flags.js')).flags,
    factory: async () => (await import('./amazonec2/index.js')).factory,
  },
  digitalocean: {
    flags: async () => (await import('./digitalocean/flags.js')).flags,
    factory: async () => (await import('./digitalocean/index.js')).factory,
  },
  generic: {
    flags: async () => (await import('./generic/flags.js')).flags,
    factory: async () => (await import('./generic/index.js')).factory,
  },
  hetzner: {
    flags: async () => (await import('./hetzner/flags.js')).flags,
    factory: async () => (await import('./hetzner/index.js')).factory,
  },
  none: {
    flags: async () => (await import('./none/flags.js')).flags,
    factory: async () => (await import('./none/index.js')).factory,
  },
  qemu: {
    flags: async () => (await import('./qemu/flags.js')).flags,
    factory: async () => (await import('./qemu/index.js')).factory,
  },
}

/** A driver's flag table, for help. */
export interface DriverFlags {
  readonly driver: string
  readonly flags: readonly FlagSpec[]
}

/** Names of the built-in drivers, sorted. */
export function driverNames(): readonly string[] {
  return Object.keys(DRIVERS)
}

/** The flag tables of all drivers: data only, no driver is loaded. */
export async function allFlags(): Promise<readonly DriverFlags[]> {
  return await Promise.all(
    Object.entries(DRIVERS).map(async ([driver, row]) => ({ driver, flags: await row.flags() })),
  )
}

/** Loads one driver. @throws MachineError `usage` in docker-machine's words when there is no such driver */
export async function loadFactory(name: string): Promise<DriverFactory> {
  const row = Object.hasOwn(DRIVERS, name) ? DRIVERS[name] : undefined
  if (row) return await row.factory()
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
