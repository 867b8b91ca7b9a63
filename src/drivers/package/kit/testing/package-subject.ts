import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DriverDeps } from '../../../../contracts/driver.js'
import { systemClock } from '../../../../util/clock.js'
import { noDesk } from '../../../process/calls.js'
import type { DriverPackage } from '../define.js'
import type { Cleaner } from './suite.js'
import type { DriverSubject } from './trial.js'

type Told = 'good' | 'bad' | 'faults' | 'leftovers'

/** A package's driver under the suite: what its author has to tell, and what may be told. */
export type PackageSubject = Pick<DriverSubject, Told> & Partial<Omit<DriverSubject, Told>>

/** The rest of a subject: machines in a folder below the temporary one, and what a driver in its own process is lent. */
export function packageSubject(
  { factory }: DriverPackage,
  told: PackageSubject,
  cleaner: Cleaner,
): DriverSubject {
  const dir = mkdtempSync(join(tmpdir(), `tsmachine-${factory.name}-`))
  cleaner.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return {
    load: () => Promise.resolve(factory),
    deps: driverDeps(dir),
    machineDir: (id) => madeDir(join(dir, 'machines', id.slice(0, 8))),
    freshState: 'Running',
    abortDelaysMs: [0, 5],
    lostEvents: [0, 1],
    ...told,
  }
}

function driverDeps(dir: string): DriverDeps {
  return {
    clock: systemClock,
    cacheDir: join(dir, 'cache'),
    runtimeDir: (machineId) => Promise.resolve(madeDir(join(dir, 'run', machineId.slice(0, 8)))),
    account: noDesk,
    spawnHelper: () => Promise.reject(new Error('helper programs are for the drivers of tsmachine itself')),
  }
}

function madeDir(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  return path
}
