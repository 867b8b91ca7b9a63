/** The flags of all built-in drivers: data, for `create` and its help. No driver's code comes with it. */
import type { FlagSpec } from '../contracts/driver.js'
import { flags as amazonec2 } from './amazonec2/flags.js'
import { flags as digitalocean } from './digitalocean/flags.js'
import { flags as generic } from './generic/flags.js'
import { flags as hetzner } from './hetzner/flags.js'
import { flags as none } from './none/flags.js'
import { flags as qemu } from './qemu/flags.js'

/** A driver's flag table. */
export interface DriverFlags {
  readonly driver: string
  readonly flags: readonly FlagSpec[]
}

const TABLES: Readonly<Record<string, readonly FlagSpec[]>> = {
  amazonec2,
  digitalocean,
  generic,
  hetzner,
  none,
  qemu,
}

export function allFlags(): readonly DriverFlags[] {
  return Object.entries(TABLES).map(([driver, flags]) => ({ driver, flags }))
}
