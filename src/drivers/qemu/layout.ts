import { join } from 'node:path'

/** Names of what this driver keeps in a machine's directory. */
export interface MachineFiles {
  /** Data disk, raw and sparse: engine, images, volumes, host key. */
  readonly data: string
  /** Our copy of a cloud image. */
  readonly root: string
  /** Folder that QEMU shows to the guest as the `cidata` volume. */
  readonly seed: string
  /** Serial console since the VM was started, and of the run before. */
  readonly console: string
  readonly oldConsole: string
  /** There while QEMU runs, wherever that is. */
  readonly pid: string
  /** What QEMU itself said. */
  readonly log: string
  /** What the forwarder did, read by `forwards`. */
  readonly forwards: string
  /** Forwards added by hand; made again at each start. */
  readonly manualForwards: string
  /** A suspended VM's memory and devices, and what they need to be loaded again. */
  readonly saved: string
  readonly savedInfo: string
}

export function machineFiles(dir: string): MachineFiles {
  return {
    data: join(dir, 'data.raw'),
    root: join(dir, 'root.qcow2'),
    seed: join(dir, 'seed'),
    console: join(dir, 'console.log'),
    oldConsole: join(dir, 'console.old.log'),
    pid: join(dir, 'qemu.pid'),
    log: join(dir, 'qemu.log'),
    forwards: join(dir, 'forwards.json'),
    manualForwards: join(dir, 'forwards-manual.json'),
    saved: join(dir, 'memory.saved'),
    savedInfo: join(dir, 'memory.json'),
  }
}

/** Sockets of a running VM: one for commands, one that the forwarder holds as long as it lives. */
export interface VmSockets {
  readonly control: string
  readonly forwarder: string
  readonly passt: string
  /** Where a VM sends its memory while it is suspended; only then it exists. */
  readonly save: string
  /** Second serial line of our image: the guest is told of a resume. */
  readonly guest: string
}

/** `dir` is the machine's runtime directory. */
export function vmSockets(dir: string): VmSockets {
  return {
    control: join(dir, 'qmp'),
    forwarder: join(dir, 'qmp-fwd'),
    passt: join(dir, 'passt'),
    save: join(dir, 'save'),
    guest: join(dir, 'guest'),
  }
}
