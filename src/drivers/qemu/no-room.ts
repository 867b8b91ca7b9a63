import { statfsSync } from 'node:fs'
import type { DriverMachine } from '../../contracts/driver.js'
import { MachineError } from '../../contracts/errors.js'
import type { Json } from '../../contracts/json.js'
import { withQmp } from './qmp.js'
import { readVm } from './vm-record.js'

/**
 * What QEMU says while it holds a VM whose disk's file cannot grow: no write is lost, it is done again when the VM goes on.
 * Source: QEMU docs, `werror=enospc`, which is its default.
 */
export const NO_ROOM = 'io-error'
const MB = 1024 * 1024
/** Less than this a guest fills again within moments. */
const LEAST_MB = 64

/** The run state that QEMU names. */
export function statusOf(answer: Json): string {
  const status =
    typeof answer === 'object' && answer !== null && 'status' in answer ? answer['status'] : undefined
  return typeof status === 'string' ? status : ''
}

/** Why a machine stands still that QEMU holds for want of room. */
export function noRoomText(dir: string): string {
  const free = freeMb(dir)
  const figure = free === undefined ? '' : `: ${free} MB are free where ${dir} lies`
  return `QEMU holds it, because this computer's disk had no room for what the guest writes${figure}`
}

/** @throws MachineError `driver` where a VM would be held again as soon as it goes on */
export function refuseNoRoom({ name, dir }: DriverMachine, status: string, verb: string): void {
  if (status !== NO_ROOM) return
  const free = freeMb(dir)
  if (free === undefined || free >= LEAST_MB) return
  throw new MachineError('driver', `"${name}" cannot go on: ${noRoomText(dir)}`, {
    machine: name,
    hints: [
      `Make room there (${LEAST_MB} MB at least), then: tsmachine ${verb} ${name}`,
      `Or give up what the guest has not written yet: tsmachine kill ${name}`,
    ],
  })
}

/** The same for a VM that runs, perhaps. One that cannot be asked is no worse off than before. */
export async function refuseHeld(machine: DriverMachine, verb: string, signal: AbortSignal): Promise<void> {
  const { control } = readVm(machine.resources)
  const status = await withQmp(control, signal, (qmp) => qmp.execute('query-status')).then(statusOf, () => '')
  signal.throwIfAborted()
  refuseNoRoom(machine, status, verb)
}

function freeMb(dir: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(dir)
    return Math.floor((bavail * bsize) / MB)
  } catch {
    return undefined
  }
}
