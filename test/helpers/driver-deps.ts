import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { RateBudget } from '../../src/contracts/account.js'
import type { DriverDeps } from '../../src/contracts/driver.js'
import { StoreDesk } from '../../src/store/account-desk.js'
import { systemClock } from '../../src/util/clock.js'
import { runDir } from './run-dir.js'

/** A short-named directory that the test removes at its end (tap's own are too long for sockets). */
export function scratchDir(t: { teardown(work: () => void): unknown }): string {
  const dir = runDir('dir')
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** No test of a driver waits for a provider's limit by the real clock. */
class UnlimitedDesk extends StoreDesk {
  override budget(): RateBudget {
    return { take: () => Promise.resolve(), exhausted: () => undefined }
  }
}

/** What a driver is lent, inside a scratch directory; helper programs are only noted. */
export function driverDeps(dir: string, helpers: string[] = []): DriverDeps {
  return {
    clock: systemClock,
    cacheDir: join(dir, 'cache'),
    runtimeDir(machineId) {
      const path = join(dir, 'run', machineId.slice(0, 8))
      mkdirSync(path, { recursive: true, mode: 0o700 })
      return Promise.resolve(path)
    },
    account: (key) => new UnlimitedDesk({ root: dir, readAll: () => [] }, key, systemClock),
    spawnHelper(name) {
      helpers.push(name)
      return Promise.resolve(process.pid)
    },
  }
}

/** Directory of a machine below `dir`, as the store makes it. */
export function machineDir(dir: string, id: string): string {
  const path = join(dir, 'machines', id.slice(0, 8))
  mkdirSync(path, { recursive: true, mode: 0o700 })
  return path
}
