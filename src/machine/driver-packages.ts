/** The driver packages of this user, and the machines that need them. */
import type { MachineContext } from './context.js'
import { MachineError } from '../contracts/errors.js'
import {
  type Installation,
  installPackage,
  removePackage,
  wantedPackage,
} from '../drivers/package/install.js'
import { type InstalledDriver, installedDrivers } from '../drivers/package/installed.js'
import { packageFault } from '../drivers/package/state.js'
import { writeTemplate } from '../drivers/package/template.js'
import { driverNames } from '../drivers/registry.js'

/** One row of `driver ls`. */
export interface PackageRow {
  readonly name: string
  readonly package: string
  readonly version: string
  readonly integrity: string
  readonly contract: string
  readonly path: string
  readonly ok: boolean
  /** Why it cannot be used. */
  readonly error?: string
}

/** @throws MachineError when npm fails or the package is no driver for this program; nothing has changed then */
export async function installDriver(ctx: MachineContext, word: string): Promise<Installation> {
  const { env, signal, clock } = ctx
  const options = { env, signal, builtIn: driverNames(), now: () => clock.now() }
  const wanted = wantedPackage(word, options)
  ctx.report({ type: 'info', text: `Fetching ${word} with npm...` })
  return await installPackage(wanted, options)
}

/** All that is installed, and whether it can be used: each is asked. */
export function listDrivers({ env }: Pick<MachineContext, 'env'>): readonly PackageRow[] {
  return installedDrivers(env).map((driver) => {
    const error = packageFault(driver, env)
    const { name, packageName, version, integrity, contract, path } = driver
    return {
      ...{ name, package: packageName, version, integrity, contract, path, ok: error === undefined },
      ...(error === undefined ? {} : { error }),
    }
  })
}

/** @throws MachineError `exists` while machines of the store need it, `not-found` */
export async function removeDriver(
  ctx: MachineContext,
  name: string,
  { force }: { readonly force: boolean },
): Promise<{ readonly driver: InstalledDriver; readonly machines: readonly string[] }> {
  const machines = machinesOf(ctx, name)
  const isThere = installedDrivers(ctx.env).some((each) => each.name === name)
  if (isThere && machines.length > 0 && !force)
    throw new MachineError('exists', `Machines need the driver ${name}: ${machines.join(', ')}`, {
      hints: [
        `Remove them first: tsmachine rm ${machines.join(' ')}`,
        `or all the same: tsmachine driver rm --force ${name}`,
      ],
    })
  return { driver: await removePackage(name, ctx), machines }
}

/** Begins a driver package in `dir`. @throws MachineError `usage`, `exists` */
export async function newDriver(name: string, dir: string): Promise<readonly string[]> {
  if (driverNames().includes(name))
    throw new MachineError('exists', `tsmachine has a driver ${name} of its own`)
  return await writeTemplate(name, dir)
}

function machinesOf({ store }: MachineContext, driver: string): readonly string[] {
  return store
    .readAll()
    .filter((record) =>
      [record.ledger?.driver.name, 'config' in record ? record.config.DriverName : ''].includes(driver),
    )
    .map(({ name }) => name)
}
