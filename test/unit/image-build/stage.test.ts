import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkBudget } from '../../../image-build/budget.js'
import { packCpio } from '../../../image-build/cpio.js'
import { run } from '../../../image-build/exec.js'
import { kernelPayload } from '../../../image-build/kernel.js'
import { parsePackageList, type PackageLine } from '../../../image-build/lists.js'
import { digestOf, writeManifest } from '../../../image-build/manifest.js'
import { addBusyboxLinks, addGuestFiles, layOut, placeOf, type Stage } from '../../../image-build/stage.js'
import { checkNeeds, tryPrograms } from '../../../image-build/verify.js'

function stageOf(t: Test): Stage {
  const dir = t.testdir({
    debs: {
      tool: { usr: { sbin: { tool: 'x', other: 'y' }, share: { c: { 'b.crt': 'B\n', 'a.crt': 'A\n' } } } },
    },
  })
  chmodSync(join(dir, 'debs/tool/usr/sbin/tool'), 0o700)
  return { debsDir: join(dir, 'debs'), root: join(dir, 'root') }
}

const lines = (text: string): PackageLine[] => parsePackageList(text, 'test')

t.test('files of packages find their place in one tree', async (t) => {
  const stage = stageOf(t)
  await layOut(
    stage,
    lines('take tool usr/sbin/*\njoin tool etc/ssl/all.crt usr/share/c/*.crt\nlink bin/alias tool\n'),
  )
  const usr = (name: string) => join(stage.root, 'usr', name)
  t.equal(readFileSync(usr('bin/tool'), 'utf8'), 'x', 'there is one folder for programs')
  t.equal(lstatSync(usr('bin/tool')).mode & 0o7777, 0o755, "whatever the builder's umask")
  t.equal(lstatSync(usr('bin/other')).mode & 0o7777, 0o644)
  t.equal(readlinkSync(usr('sbin')), 'bin')
  t.equal(readlinkSync(usr('bin/alias')), 'tool')
  t.equal(readFileSync(usr('share/tsmachine/etc/ssl/all.crt'), 'utf8'), 'A\nB\n')
  t.equal(placeOf('etc/mke2fs.conf'), 'share/tsmachine/etc/mke2fs.conf')
  t.equal(placeOf('usr/lib/openssh/sftp-server'), 'lib/openssh/sftp-server')
})

t.test('a file that its package no longer has fails the build', async (t) => {
  await t.rejects(layOut(stageOf(t), lines('take tool usr/bin/tool\n')), {
    message: 'package tool has no usr/bin/tool',
  })
  await t.rejects(layOut(stageOf(t), lines('take tool usr/share/c/*.pem\n')), /has no/)
  await t.rejects(layOut(stageOf(t), lines('link bin/a gone\n')), { message: 'link bin/a: there is no gone' })
})

t.test('links of busybox never take the name of a real program, or of busybox', async (t) => {
  const stage = stageOf(t)
  await layOut(stage, lines('take tool usr/sbin/tool\n'))
  writeFileSync(join(stage.root, 'usr/bin/busybox'), 'the program')
  await addBusyboxLinks(stage, ['busybox', 'tool', 'ls'])
  t.equal(readFileSync(join(stage.root, 'usr/bin/busybox'), 'utf8'), 'the program')
  t.equal(readFileSync(join(stage.root, 'usr/bin/tool'), 'utf8'), 'x')
  t.equal(readlinkSync(join(stage.root, 'usr/bin/ls')), 'busybox')
})

t.test('scripts of the guest may be run, what they read may not', async (t) => {
  const stage = stageOf(t)
  await addGuestFiles(stage, join(import.meta.dirname, '../../../image-build/guest'))
  const mode = (name: string) => lstatSync(join(stage.root, 'usr', name)).mode & 0o777
  t.equal(mode('bin/tsmachine-service'), 0o755)
  t.equal(mode('lib/tsmachine/boot'), 0o755)
  t.equal(mode('lib/tsmachine/common.sh'), 0o644)
  t.equal(mode('share/tsmachine/etc/passwd'), 0o644)
  t.equal(mode('share/tsmachine/etc/acpi/PWRF/00000080'), 0o755)
  t.notOk(existsSync(join(stage.root, 'usr/initramfs')))
})

/** A tree with one dynamic program of this computer, its libraries and its loader. */
async function treeWith(t: Test, program: string): Promise<string> {
  const root = t.testdir({ usr: { bin: {}, lib64: {}, lib: { 'x86_64-linux-gnu': {} } } })
  copyFileSync(`/bin/${program}`, join(root, 'usr/bin', program))
  copyFileSync('/lib64/ld-linux-x86-64.so.2', join(root, 'usr/lib64/ld-linux-x86-64.so.2'))
  chmodSync(join(root, 'usr/lib64/ld-linux-x86-64.so.2'), 0o755)
  const text = await run(['ldd', `/bin/${program}`])
  for (const [, name = '', file = ''] of text.matchAll(/(\S+) => (\S+)/g)) {
    copyFileSync(file, join(root, 'usr/lib/x86_64-linux-gnu', name))
  }
  return root
}

t.test('every program is run once inside the tree', async (t) => {
  const root = await treeWith(t, 'ls')
  await t.resolves(tryPrograms(root, lines('try ls --version\n')))
  await t.resolves(
    tryPrograms(root, lines('try ls /nonexistent\n')),
    'a complaint of its own is proof of life',
  )
})

t.test('a program that is missing, cannot start or is never tried fails the build', async (t) => {
  const root = await treeWith(t, 'ls')
  await t.rejects(tryPrograms(root, lines('')), { message: 'no "try" line for ls' })
  await t.rejects(tryPrograms(root, lines('try ls\ntry gone\n')), {
    message: 'program gone is missing in the image',
  })
  writeFileSync(join(root, 'usr/lib/x86_64-linux-gnu/libc.so.6'), 'not a library')
  await t.rejects(tryPrograms(root, lines('try ls\n')), { message: 'ls does not run in the image' })
})

t.test('a tool that scripts call and nobody brings fails the build', async (t) => {
  const root = t.testdir({ usr: { bin: { sh: '' } } })
  await t.resolves(checkNeeds(root, lines('need sh\n')))
  await t.rejects(checkNeeds(root, lines('need sh sed\nneed awk\n')), {
    message: 'scripts of the image call sed, awk, which it does not have',
  })
})

t.test('the packed kernel is found inside a bzImage', async (t) => {
  const image = Buffer.alloc(4096)
  image.writeUInt8(2, 0x1f1)
  image.writeUInt32LE(0x100, 0x248)
  const packed = Buffer.from('28b52ffd0102030405060708', 'hex')
  image.writeUInt32LE(packed.length + 4, 0x24c)
  packed.copy(image, 3 * 512 + 0x100)
  t.strictSame(kernelPayload(image), packed, 'without the size behind it')
  image.writeUInt8(0xfd, 3 * 512 + 0x100)
  t.throws(() => kernelPayload(image), { message: 'the kernel is not packed with zstd' })
})

t.test('the initramfs is what cpio can read', async (t) => {
  const archive = packCpio(
    [
      { name: 'dev', type: 'dir' },
      { name: 'dev/console', type: 'char', major: 5, minor: 1, mode: 0o600 },
      { name: 'init', type: 'file', data: Buffer.from('#!/bin/sh\n'), mode: 0o755 },
      { name: 'sh', type: 'link', target: 'busybox' },
    ],
    1_790_000_000,
  )
  const listing = await run(['busybox', 'cpio', '-tv'], { input: archive })
  t.match(listing, /drwxr-xr-x .* 2026-09-21.* dev\n/)
  t.match(listing, /crw------- .* dev\/console\n/)
  t.match(listing, /-rwxr-xr-x .* 10 .* init\n/)
  t.match(listing, /lrwxrwxrwx .* sh -> busybox\n/)
})

t.test('the manifest names files, packages and inputs, and is the last line of the sums', async (t) => {
  const dir = t.testdir({ kernel: 'K', initramfs: 'I' })
  mkdirSync(join(dir, 'x'))
  const sha = (text: string) => createHash('sha256').update(text).digest('hex')
  const manifest = await writeManifest(dir, {
    kind: 'image',
    arch: 'amd64',
    version: '1.2.3-abc',
    engineVersion: '1.2.3',
    debs: [{ name: 'a', version: '1', arch: 'amd64', sha256: 'f', path: '/secret/path', sources: ['s=1'] }],
    files: ['kernel', 'initramfs'],
    inputs: { suite: 'trixie', release: false },
    sourceDateEpoch: 7,
  })
  const sums = `${sha('I')}  initramfs\n${sha('K')}  kernel\n`
  t.equal(manifest.digest, sha(sums))
  t.equal(manifest.digest, digestOf([...manifest.files].reverse()), 'in whatever order')
  const text = readFileSync(join(dir, 'manifest.json'), 'utf8')
  t.equal(readFileSync(join(dir, 'SHA256SUMS'), 'utf8'), `${sums}${sha(text)}  manifest.json\n`)
  t.same(JSON.parse(text), manifest)
  t.same(manifest.packages, [{ name: 'a', version: '1', sha256: 'f', arch: 'amd64', sources: ['s=1'] }])
  t.notMatch(text, 'secret', "nothing of the builder's folders is in it")
})

t.test('a release that has outgrown its budget fails the build', async (t) => {
  const sizes = (kernel: number, initramfs: number, engine: number) => [
    { name: 'kernel', size: kernel * 1e6 },
    { name: 'initramfs', size: initramfs * 1e6 },
    { name: 'engine.squashfs', size: engine * 1e6 },
  ]
  t.doesNotThrow(() => checkBudget(sizes(12.2, 1.8, 72)))
  t.throws(() => checkBudget(sizes(12.2, 6, 60)), /kernel \+ initramfs take 18\.2 MB, 18 MB are allowed/)
  t.throws(() => checkBudget(sizes(12, 2, 72.1)), /engine\.squashfs take 72\.1 MB/)
  t.throws(() => checkBudget(sizes(13, 4.5, 71)), /kernel \+ initramfs \+ engine\.squashfs take 88\.5 MB/)
  t.throws(() => checkBudget([{ name: 'engine.tar.zst', size: 66.1e6 }]), /66 MB are allowed/)
})
