import type { Test } from 'tap'
import type { Driver, FlagValues, MachineSpec, PreflightFault } from '../../src/contracts/driver.js'
import { factory } from '../../src/drivers/hetzner/index.js'
import { type DoubleOptions, TOKEN } from '../doubles/cloud/index.js'
import { HetznerDouble } from '../doubles/hetzner/index.js'
import { BenchMachine } from './bench-machine.js'
import { driverDeps, scratchDir } from './driver-deps.js'
import { FastClock } from './fast-clock.js'
import { NEVER } from './never.js'

export { BenchMachine, STORE } from './bench-machine.js'

export interface HetznerBench {
  readonly double: HetznerDouble
  /** As a new process opens it. */
  readonly open: () => Promise<Driver>
  readonly machine: (name: string, given?: FlagValues, more?: Partial<MachineSpec>) => BenchMachine
  readonly preflight: (given: FlagValues, more?: Partial<MachineSpec>) => Promise<readonly PreflightFault[]>
}

/** A double of Hetzner whose time goes fast, and machines at it. At the end nothing may be left but what a test put there. */
export async function hetznerBench(t: Test, options: DoubleOptions = {}): Promise<HetznerBench> {
  const dir = scratchDir(t)
  const clock = new FastClock(50)
  const times = { boot: 500, power: 200, remove: 500 }
  const double = await HetznerDouble.start({ clock, limits: false, times, ...options })
  t.teardown(async () => {
    await double.close()
    if (double.violations.length > 0) throw new Error(double.violations.join('\n'))
  })
  const base = { 'hetzner-api-token': TOKEN, 'hetzner-endpoint': double.url }
  const machine: HetznerBench['machine'] = (name, given = {}, more = {}) =>
    new BenchMachine(factory, name, { ...base, ...given }, more)
  const open = (): Promise<Driver> => factory.open({ ...driverDeps(dir), clock })
  return {
    double,
    open,
    machine,
    async preflight(given, more) {
      return await (await open()).preflight(machine('web', given, more).spec, NEVER)
    },
  }
}
