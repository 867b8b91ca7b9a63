/** `tsmachine/driver/testing`: the driver contract as tests, for node:test or tap (docs/writing-a-driver.md). */
import type { DriverPackage } from '../define.js'
import { type PackageSubject, packageSubject } from './package-subject.js'
import { type Cleaner, driverContract, type Runner } from './suite.js'

export { packageSubject, type PackageSubject } from './package-subject.js'
export { NEVER } from './checks.js'
export { Trial, type DriverSubject } from './trial.js'
export { type Cleaner, driverContract, type Runner } from './suite.js'

/**
 * The contract on the driver of a package: `packageContract(test, driver, () => ({ good: { ... }, ... }))`, where `test`
 * is that of node:test. `tell` starts the provider double; each rule leaves it empty.
 */
export function packageContract(
  runner: Runner,
  driver: DriverPackage,
  tell: (cleaner: Cleaner) => PackageSubject | Promise<PackageSubject>,
): void {
  driverContract(runner, driver.factory.name, async (cleaner) =>
    packageSubject(driver, await tell(cleaner), cleaner),
  )
}
