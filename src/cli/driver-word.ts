import type { DriverFactory } from '../contracts/driver.js'
import { isBuiltIn } from '../drivers/registry.js'
import { driversOf, type Session } from './session.js'

const DRIVER = /^--?(?:driver|d)(?:=(.*))?$/s

/** The driver that the words or the variable name. */
export function namedDriver(words: readonly string[], variable = ''): string | undefined {
  const at = words.findIndex((word) => DRIVER.test(word))
  const named = DRIVER.exec(words[at] ?? '')?.[1] ?? words[at + 1]
  return (at < 0 ? variable : named) || undefined
}

/**
 * The driver that they name if it is not built in: what it takes has to be known before the words can be read.
 * @throws MachineError `usage` for one that is not here
 */
export async function furtherDriver(
  session: Session,
  words: readonly string[],
): Promise<DriverFactory | undefined> {
  const name = namedDriver(words, session.env['MACHINE_DRIVER'])
  return name === undefined || isBuiltIn(name) ? undefined : await driversOf(session).load(name)
}
