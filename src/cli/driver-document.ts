import type { DriverCapabilities, DriverFactory, FlagSpec } from '../contracts/driver.js'
import { isSecretFlag } from '../drivers/plugin/secret-keys.js'
import { type Drivers, driverNames, loadFactory } from '../drivers/registry.js'

/** What `drivers` tells of one; `--json` prints it. */
export interface DriverDocument {
  readonly name: string
  readonly summary: string
  readonly capabilities: DriverCapabilities
  readonly flags: readonly DriverFlagDocument[]
}

export interface DriverFlagDocument extends Pick<
  FlagSpec,
  'name' | 'type' | 'env' | 'default' | 'summary' | 'value' | 'options'
> {
  readonly required: boolean
  readonly secret: boolean
}

/** @throws MachineError `usage` for a driver that is not here */
export async function driverDocument(drivers: Drivers, name: string): Promise<DriverDocument> {
  return documentOf(await drivers.load(name))
}

export async function driverDocuments(drivers: Drivers): Promise<readonly DriverDocument[]> {
  return (await allFactories(drivers)).map(documentOf)
}

/** Built-in drivers, and those that this computer has besides. A plugin is not started to tell its flags. */
export async function allFactories(drivers: Drivers): Promise<readonly DriverFactory[]> {
  const names = await drivers.furtherNames()
  const further = names.map(async (name) => await drivers.load(name, 'recorded').catch(() => undefined))
  const loaded = await Promise.all([...driverNames().map(loadFactory), ...further])
  return loaded.filter((factory) => factory !== undefined)
}

function documentOf({ name, summary, capabilities, flags }: DriverFactory): DriverDocument {
  // A plugin does not say which of its flags are secret.
  const isSecret = (flag: FlagSpec): boolean =>
    flag.secret === true || (capabilities.opaque && isSecretFlag(flag))
  return { name, summary, capabilities, flags: flags.map((flag) => flagDocument(flag, isSecret(flag))) }
}

function flagDocument(flag: FlagSpec, secret: boolean): DriverFlagDocument {
  const { key: _key, negatable: _negatable, ...shown } = flag
  return { ...shown, required: flag.required === true, secret }
}
