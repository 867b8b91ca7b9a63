import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadFactory } from '../../src/drivers/registry.js'
import { driverDeps, machineDir, scratchDir } from '../helpers/driver-deps.js'
import { driverContract } from '../../src/drivers/package/kit/testing/index.js'

const BLANK_BYTES = 64 * 1024 * 1024

// Real QEMU with a blank disk: its firmware finds nothing to boot and waits, which is all that these rules need.
driverContract(t, 'qemu', (t) => {
  const dir = scratchDir(t)
  const blank = join(dir, 'blank.raw')
  writeFileSync(blank, '')
  truncateSync(blank, BLANK_BYTES)
  return Promise.resolve({
    load: () => loadFactory('qemu'),
    deps: driverDeps(dir),
    good: { 'qemu-image': blank, 'qemu-memory': 384, 'qemu-disk-size': 1000, 'qemu-accel': 'tcg' },
    bad: { 'qemu-memory': 1, 'qemu-disk-size': 10, 'qemu-accel': 'warp', 'qemu-memroy': 5 },
    faults: [/memory/, /disk/, /qemu-accel wants one of/, /did you mean --qemu-memory/],
    machineDir: (id) => machineDir(dir, id),
    extra: { seed: { metaData: '{}', userData: '#cloud-config\n{}\n' } },
    leftovers: () => Promise.resolve([...vms(dir), ...files(dir)]),
    count: () => Promise.resolve(vms(dir).length),
    freshState: 'Running',
    abortDelaysMs: [20],
    lostEvents: [1],
  })
})

/** QEMU processes whose command line names our directory. */
function vms(dir: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => {
    try {
      const words = readFileSync(join('/proc', pid, 'cmdline'), 'utf8').split('\0')
      return (words[0] ?? '').includes('qemu-system') && words.some((word) => word.includes(dir))
    } catch {
      return false
    }
  })
}

/** What drivers made in the machine directories. */
function files(dir: string): string[] {
  const machines = join(dir, 'machines')
  if (!existsSync(machines)) return []
  return readdirSync(machines).flatMap((name) => readdirSync(join(machines, name)))
}
