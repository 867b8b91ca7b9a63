import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { CpioEntry } from './cpio.js'
import { entriesBelow } from './pack.js'

/** Tools that guest/initramfs/init calls. */
const APPLETS = [
  'sh', 'mount', 'umount', 'modprobe', 'cat', 'sort', 'head', 'sleep', 'mkdir', 'chmod', 'ln', 'cp', 'uname', 'ls', 'tr', 'switch_root',
] // prettier-ignore

const FOLDERS = ['bin', 'dev', 'lib', 'sbin']

/** What the initramfs holds: busybox, init, and the modules below `modulesRoot/lib/modules`. */
export async function initramfsEntries(
  busybox: string,
  init: string,
  modulesRoot: string,
): Promise<CpioEntry[]> {
  return [
    ...FOLDERS.map((name): CpioEntry => ({ name, type: 'dir' })),
    // Without it the first program has no standard output.
    { name: 'dev/console', type: 'char', major: 5, minor: 1, mode: 0o600 },
    { name: 'bin/busybox', type: 'file', data: await readFile(busybox), mode: 0o755 },
    ...APPLETS.map((name): CpioEntry => ({ name: `bin/${name}`, type: 'link', target: 'busybox' })),
    // The kernel asks for modules at this path.
    { name: 'sbin/modprobe', type: 'link', target: '../bin/busybox' },
    { name: 'init', type: 'file', data: await readFile(init), mode: 0o755 },
    { name: 'lib/modules', type: 'dir' },
    ...(await entriesBelow(path.join(modulesRoot, 'lib/modules'), 'lib/modules')),
  ]
}
