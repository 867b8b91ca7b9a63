/** A store on a shared disk: the VM that a machine's record names may be one of another computer. */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import type { DriverMachine } from '../../contracts/driver.js'
import { MachineError } from '../../contracts/errors.js'
import { errnoOf, fileError } from '../../util/file-error.js'
import { bootId, isThisComputer } from '../../util/process.js'
import { machineFiles } from './layout.js'
import { readVm, resourceOf } from './vm-record.js'

type OnDisk = Pick<DriverMachine, 'name' | 'dir' | 'resources'>

/**
 * The computer that a VM was started on, where that is not this one and nothing says that the VM has ended. QEMU removes its
 * pid file when it ends, also when the guest powers itself off.
 */
export function otherComputer(machine: OnDisk): string | undefined {
  const host = startedElsewhere(machine)
  return host !== undefined && existsSync(machineFiles(machine.dir).pid) ? host : undefined
}

/** Containers of one kernel count as one computer: QEMU's own lock on the disk keeps a second one out there. */
function startedElsewhere({ resources }: OnDisk): string | undefined {
  const vm = readVm(resources)
  if (!resourceOf(resources, 'vm') || vm.host === '') return undefined
  return vm.bootId === bootId() || isThisComputer(vm) ? undefined : vm.host
}

/**
 * Two QEMUs on one disk destroy it, and its pid means another process here.
 * @throws MachineError `driver` naming the other computer
 */
export function refuseElsewhere(machine: OnDisk): void {
  const host = otherComputer(machine)
  if (host !== undefined) throw elsewhere(machine, host)
}

/** Why its state cannot be told. */
export function elsewhereText(host: string): string {
  return `its VM was started on ${host}, and nothing says that it has ended`
}

function elsewhere({ name, dir }: OnDisk, host: string): MachineError {
  return new MachineError('driver', `"${name}" belongs to another computer now: ${elsewhereText(host)}`, {
    machine: name,
    hints: [
      `Stop it there: tsmachine stop ${name}`,
      `If ${host} is switched off, or its QEMU was killed: rm '${machineFiles(dir).pid}'`,
    ],
  })
}

/**
 * Does what starts QEMU with its pid file made, which stays only where that succeeds. It comes before the VM is announced:
 * a record that names this computer would make the other's file one of ours.
 * @throws MachineError `driver` where it is another computer's
 */
export async function* withPidFile<E, T>(
  machine: OnDisk,
  work: () => AsyncGenerator<E, T>,
): AsyncGenerator<E, T> {
  claimPidFile(machine)
  let isStarted = false
  try {
    const result = yield* work()
    isStarted = true
    return result
  } finally {
    if (!isStarted) dropPidFile(machine)
  }
}

/**
 * Makes the pid file before QEMU does, so that of two computers only one gets it: a file server may still tell the other of
 * no such file. One that a killed QEMU has left here counts for nothing.
 */
export function claimPidFile(machine: OnDisk): void {
  const { pid } = machineFiles(machine.dir)
  try {
    writeFileSync(pid, '', { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw fileError('write', pid, error)
    const host = startedElsewhere(machine)
    if (host !== undefined) throw elsewhere(machine, host)
    rmSync(pid, { force: true })
    writeFileSync(pid, '', { flag: 'wx', mode: 0o600 })
  }
}

/** After a QEMU that was given no time to remove it. */
export function dropPidFile({ dir }: Pick<DriverMachine, 'dir'>): void {
  rmSync(machineFiles(dir).pid, { force: true })
}
