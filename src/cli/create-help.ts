import type { Command } from '@oclif/core'
import { driverNames } from '../drivers/registry.js'
import { furtherDriver, namedDriver } from './driver-word.js'
import type { Session } from './session.js'

const GROUP = 'DRIVER '

/** Title under which the help of `create` has a driver's flags. */
export function driverGroup(driver: string): string {
  return `${GROUP}${driver}`
}

/**
 * Flags of all drivers together are too many to read: the help of `create` has those of the driver that is named, by
 * flag or variable. @throws MachineError `usage` for one that is not here
 */
export async function narrowHelp(
  command: Command.Loadable,
  words: readonly string[],
  session: Session,
): Promise<void> {
  const driver = namedDriver(words, session.env['MACHINE_DRIVER'])
  const further = await furtherDriver(session, words)
  if (further)
    for (const [name, flag] of Object.entries((await import('./further-flags.js')).furtherFlags(further)))
      command.flags[name] = { ...flag, name }
  // A driver that was named by a path is called otherwise than the word.
  const name = further?.name ?? driver
  const shown = name === undefined ? undefined : driverGroup(name)
  for (const flag of Object.values(command.flags))
    if (flag.helpGroup?.startsWith(GROUP) && flag.helpGroup !== shown) flag.hidden = true
  const others = `Run '${session.profile.program} create --driver NAME --help' to include the create flags for that driver in the help text.`
  command.description = [command.description, others, `Drivers: ${driverNames().join(', ')}.`].join('\n')
}
