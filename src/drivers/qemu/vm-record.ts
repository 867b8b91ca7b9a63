import type { DriverMachine } from '../../contracts/driver.js'
import type { JsonObject } from '../../contracts/json.js'
import type { Resource } from '../../contracts/record.js'
import { ConfigReader } from '../common/config-reader.js'
import { uuidOf } from './argv.js'
import { findVm, isRunning, type VmProcess } from './process.js'

/** What the record holds of a VM that was started. Ports and address are those of the last start. */
export interface VmRecord extends VmProcess {
  /** The computer that it was started on; empty in records of older versions. */
  readonly host: string
  readonly hostId: string
  /** QMP sockets; recorded because their folder depends on the environment of whoever started the VM. */
  readonly control: string
  readonly forwarder: string
  /** Second serial line; empty where the guest is not of our image. */
  readonly guest: string
  readonly accel: string
  /** QEMU's version, its devices (`hardwareOf`) and the boot image's digest: only the same can load what it saves. */
  readonly qemu: string
  readonly hardware: string
  readonly image: string
  readonly address: string
  readonly sshPort: number
  readonly enginePort: number
}

type Resources = readonly Resource[]

/** Reads the `vm` resource; every field has a value, `pid` 0 where none is known. */
export function readVm(resources: Resources): VmRecord {
  const read = new ConfigReader(resourceOf(resources, 'vm')?.attributes ?? {})
  return {
    pid: read.integer('pid') ?? 0,
    startTime: read.string('startTime'),
    bootId: read.string('bootId'),
    host: read.string('host'),
    hostId: read.string('hostId'),
    control: read.string('control'),
    forwarder: read.string('forwarder'),
    guest: read.string('guest'),
    accel: read.string('accel'),
    qemu: read.string('qemu'),
    hardware: read.string('hardware'),
    image: read.string('image'),
    address: read.string('address'),
    sshPort: read.integer('sshPort') ?? 0,
    enginePort: read.integer('enginePort') ?? 0,
  }
}

export function vmResource(id: string, state: Resource['state'], vm: VmRecord): Resource {
  return { kind: 'vm', key: 'vm', id, state, attributes: { ...vm } satisfies JsonObject }
}

/** A resource that was not removed. */
export function resourceOf(resources: Resources, kind: string): Resource | undefined {
  return resources.find((resource) => resource.kind === kind && resource.state !== 'removed')
}

/** The machine's QEMU, if it runs. A record that only announces it had no time to note the pid: then we look for it. */
export function runningVm(machine: Pick<DriverMachine, 'id' | 'resources'>): VmProcess | undefined {
  const vm = readVm(machine.resources)
  if (vm.pid > 0 && isRunning(vm, uuidOf(machine.id))) return vm
  return resourceOf(machine.resources, 'vm')?.state === 'intended' ? findVm(machine.id) : undefined
}
