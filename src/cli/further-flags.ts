import type { DriverFactory } from '../contracts/driver.js'
import { CREATE_FLAGS } from './create-flags.js'
import { type DriverFlag, driverFlags } from './driver-flags.js'
import { GLOBAL_FLAGS } from './global-flags.js'

/** The flags of a driver that is not built in, for `create`. Those that it shares with all drivers stay theirs. */
export function furtherFlags({ name, flags }: DriverFactory): Readonly<Record<string, DriverFlag>> {
  const taken = { ...CREATE_FLAGS, ...GLOBAL_FLAGS }
  return driverFlags(
    name,
    flags.filter((flag) => !Object.hasOwn(taken, flag.name)),
  )
}
