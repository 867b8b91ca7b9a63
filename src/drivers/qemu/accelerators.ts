/** One way to run guest code. */
export interface Accelerator {
  readonly name: 'kvm' | 'hvf' | 'whpx' | 'tcg'
  /** Hosts it exists on: `process.platform`, `process.arch`. */
  readonly platform: NodeJS.Platform | 'any'
  readonly arch: string
  /** Value of QEMU's `-accel`. */
  readonly accel: string
  readonly cpu: string
  /** Words for the kernel command line of any guest. */
  readonly kernel: string
  /** More of them for our own image, whose first program knows what they leave to it. */
  readonly imageKernel: string
  /** Whether unpacking the kernel costs more than the address randomisation that comes with it is worth. */
  readonly plainKernel: boolean
  /** Factor on guest deadlines. */
  readonly patience: number
  /** False: nobody has run it yet; the docs say so. */
  readonly tried: boolean
}

/**
 * All accelerators, best first. Under TCG QEMU 7.2 corrupts flags in cmpxchg16b and the guest kernel panics (cx16=off),
 * five-level paging only costs time (la57=off), `rep movsb` is emulated byte by byte, so no program is told that it is
 * fast (erms=off), and a larger translation buffer helps (tb-size). An emulated
 * guest gains nothing from the mitigations of real CPUs and pays for each (mitigations=off), pays for clearing memory
 * twice (init_on_alloc=0), and translates a program anew at every start unless it lies where it lay (norandmaps: an
 * iptables call takes a quarter of the time). On a busy computer its timer is late for a check of the kernel, which then
 * panics (no_timer_check). A packed kernel unpacks itself in half a second (plainKernel). Such a VM is slow and for
 * development; no other row gives protection away.
 *
 * A kernel changes its own code while it starts, and with several processors QEMU before 8.1 may then run what stood there
 * for an instant, a breakpoint: a panic in one of some fifty starts. So ours starts on one processor (maxcpus=1, without
 * the code for a single one: noreplace-smp) and the image's first program wakes the others. What one processor loses, two
 * omissions give back: self-tests of the cryptography (cryptomgr.notests), and measuring a loop's speed on each processor;
 * delays are right on a 4 GHz host and longer on slower ones (lpj, loops in 4 ms).
 */
export const ACCELERATORS: readonly Accelerator[] = [
  {
    name: 'kvm',
    platform: 'linux',
    arch: 'x64',
    accel: 'kvm',
    cpu: 'host',
    kernel: '',
    imageKernel: '',
    plainKernel: false,
    patience: 1,
    tried: false,
  },
  {
    name: 'hvf',
    platform: 'darwin',
    arch: 'x64',
    accel: 'hvf',
    cpu: 'host',
    kernel: '',
    imageKernel: '',
    plainKernel: false,
    patience: 1,
    tried: false,
  },
  {
    name: 'whpx',
    platform: 'win32',
    arch: 'x64',
    accel: 'whpx',
    cpu: 'max',
    kernel: '',
    imageKernel: '',
    plainKernel: false,
    patience: 2,
    tried: false,
  },
  {
    name: 'tcg',
    platform: 'any',
    arch: 'any',
    accel: 'tcg,tb-size=512,thread=multi',
    cpu: 'max,cx16=off,la57=off,erms=off',
    kernel: 'mitigations=off init_on_alloc=0 norandmaps no_timer_check',
    imageKernel: 'maxcpus=1 noreplace-smp lpj=16000000 cryptomgr.notests',
    plainKernel: true,
    patience: 6,
    tried: true,
  },
]

/** Rows that this kind of host can have, best first. */
export function acceleratorsFor(platform: string, arch: string): readonly Accelerator[] {
  return ACCELERATORS.filter(
    (row) => [platform, 'any'].includes(row.platform) && [arch, 'any'].includes(row.arch),
  )
}

/** The row of a name; emulation where the name is not known (a record by a newer version). */
export function accelerator(name: string): Accelerator {
  return ACCELERATORS.find((row) => row.name === name) ?? TCG
}

/** Works everywhere, slowly. */
export const TCG: Accelerator = ACCELERATORS.at(-1) as Accelerator
