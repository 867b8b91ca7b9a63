import { loadFactory } from '../drivers/registry.js'

const DRIVER = /^--?(?:driver|d)(?:=(.*))?$/s

/**
 * Looks for the driver among words that could not be read, since a flag that is not known may be that of a driver that
 * is not here. @throws MachineError `usage` naming the driver
 */
export async function requireNamedDriver(words: readonly string[], variable = ''): Promise<void> {
  const driver = namedDriver(words, variable)
  if (driver) await loadFactory(driver)
}

/** The driver that the words or the variable name. */
export function namedDriver(words: readonly string[], variable = ''): string | undefined {
  const at = words.findIndex((word) => DRIVER.test(word))
  const named = DRIVER.exec(words[at] ?? '')?.[1] ?? words[at + 1]
  return (at < 0 ? variable : named) || undefined
}
