/** What the guest does with disks that are not ours: nothing. One boot of our image, without a machine around it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../../image-build/exec.js'
import { artefactStore } from '../../src/cli/artefact-store.js'
import { poll } from '../helpers/poll.js'

t.setTimeout(600_000)
const SIZE = 64 * 1024 * 1024
const dir = t.testdir()
const disk = (name: string): string => join(dir, name)
const hashOf = (name: string): string =>
  createHash('sha256')
    .update(readFileSync(disk(name)))
    .digest('hex')
const console = (): string => readFileSync(disk('console'), 'utf8')

function blank(name: string): string {
  writeFileSync(disk(name), '')
  truncateSync(disk(name), SIZE)
  return disk(name)
}

/** A physical volume, made as pvcreate makes it: through a loop device of its own. */
async function makePhysicalVolume(name: string): Promise<void> {
  const device = (await run(['losetup', '--find', '--show', blank(name)])).trim()
  await run(['pvcreate', '--quiet', '--yes', device]).finally(() => run(['losetup', '--detach', device]))
}

async function makeEncrypted(name: string): Promise<void> {
  const quick = ['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000']
  await run(['cryptsetup', 'luksFormat', '--batch-mode', ...quick, blank(name), '-'], { input: 'secret' })
}

async function boot(disks: readonly string[], words: string): Promise<ChildProcess> {
  const signal = AbortSignal.timeout(300_000)
  const store = artefactStore(process.env)
  const image = await store.resolve('image', { signal, report: () => undefined })
  const drive = (file: string, id: string, more: string) => [
    ...['-blockdev', `driver=file,filename=${file},node-name=${id}${more}`],
    ...['-device', `virtio-blk-pci,drive=${id},serial=${id}`],
  ]
  writeFileSync(disk('console'), '')
  const argv = [
    ...['-machine', 'q35', '-accel', 'tcg,tb-size=256,thread=multi', '-cpu', 'max,cx16=off,la57=off'],
    ...['-m', '512', '-display', 'none', '-nodefaults', '-serial', `file:${disk('console')}`],
    ...['-kernel', join(image.dir, 'kernel'), '-initrd', join(image.dir, 'initramfs')],
    ...['-append', `console=ttyS0 quiet ${words}`],
    ...drive(join(image.dir, 'engine.squashfs'), 'tsmachine-engine', ',read-only=on'),
    ...disks.flatMap((name) => drive(disk(name), name, '')),
  ]
  return spawn('qemu-system-x86_64', argv, { stdio: 'ignore' })
}

t.test('random bytes, an LVM volume and a LUKS header stay as they are, named to us or not', async (t) => {
  writeFileSync(disk('random'), randomBytes(SIZE))
  await makePhysicalVolume('lvm')
  await makeEncrypted('luks')
  const names = ['random', 'lvm', 'luks']
  const before = names.map(hashOf)
  // vda is the engine image, so vdc is the LVM volume: naming it is not enough.
  const vm = await boot(names, 'tsmachine.format=/dev/vdc')
  t.teardown(() => vm.kill('SIGKILL'))
  const isUp = (): Promise<boolean> => Promise.resolve(console().includes('tsmachine-init: ready'))
  await poll(240_000, isUp, 500, console)
  t.match(console(), 'data in RAM, nothing outlives this machine')
  t.match(console(), '/dev/vdc is not an empty disk, it stays as it is')
  const ended = new Promise((resolve) => vm.once('exit', resolve))
  vm.kill('SIGTERM')
  await ended
  t.same(names.map(hashOf), before)
})
