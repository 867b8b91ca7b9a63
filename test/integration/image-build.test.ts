import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { build, type BuildOptions } from '../../image-build/build.js'
import { run } from '../../image-build/exec.js'
import { assetsDir } from '../../image-build/paths.js'

/** Downloaded packages are shared with every other build of this computer. */
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tsmachine')
const SLOW = { timeout: 600_000 }

function options(out: string, more: Partial<BuildOptions> = {}): BuildOptions {
  return { what: ['image'], out, cacheDir: CACHE, report: () => undefined, ...more }
}

/** A much smaller image: busybox and jq, one module; `lists` replaces the lists of that name. */
function smallAssets(t: Test, lists: Record<string, string>): string {
  const dir = t.testdir({ assets: { packages: {}, modules: {} } })
  const assets = join(dir, 'assets')
  cpSync(join(assetsDir(), 'guest'), join(assets, 'guest'), { recursive: true })
  const base = 'take busybox-static usr/bin/busybox\ntry busybox true\ntake jq usr/bin/jq\ntry jq --version\n'
  const empty = '# none\n'
  const all: Record<string, string> = {
    'packages/base': base,
    'packages/ssh': empty,
    'packages/engine': empty,
    'modules/initramfs': 'virtio_blk\n',
    'modules/network': empty,
    'modules/filesystems': empty,
    'modules/guest': empty,
    'modules/engine': empty,
    ...lists,
  }
  for (const [name, text] of Object.entries(all)) writeFileSync(join(assets, `${name}.list`), text)
  return assets
}

t.test('two builds of the same packages are identical, byte for byte', SLOW, async (t) => {
  const dir = t.testdir()
  const first = await build(options(join(dir, 'first')))
  const umask = process.umask(0o077)
  const second = await build(options(join(dir, 'second'))).finally(() => process.umask(umask))
  const [one, two] = [first.artefacts[0], second.artefacts[0]]
  for (const name of ['kernel', 'vmlinux', 'initramfs', 'engine.squashfs', 'manifest.json', 'SHA256SUMS']) {
    await t.resolves(run(['cmp', join(one?.dir ?? '', name), join(two?.dir ?? '', name)]), name)
  }
  await t.resolves(run(['sha256sum', '--check', '--strict', 'SHA256SUMS'], { cwd: one?.dir ?? '' }))
  t.match(one?.manifest.version, /^\d+\.\d+\.\d+-[0-9a-f]{8}$/)
  t.equal(one?.manifest.inputs['release'], false)
  // QEMU starts an ELF kernel at the address of this note (Xen's PVH entry).
  t.match(
    await run(['readelf', '-n', join(one?.dir ?? '', 'vmlinux')]),
    /Xen +0x00000008\s+Unknown note type: \(0x00000012\)/,
  )
  const names = one?.manifest.packages.map((item) => item.name) ?? []
  t.ok(
    names.includes('docker.io') && names.some((name) => name.startsWith('linux-image-6')),
    'all that went in',
  )
  t.notOk(names.includes('libdebconfclient0'), 'a library that nothing needs is not part of it')
  const listing = await run(['unsquashfs', '-lls', join(one?.dir ?? '', 'engine.squashfs')])
  t.match(listing, /-rwsr-xr-x root\/root .* squashfs-root\/bin\/doas\n/)
  t.notMatch(listing, /^\S+ (?!root\/root)\S+\/\S+ +\d/m, 'all of it belongs to root')
})

t.test(
  'a module that the kernel does not have fails the build, and an earlier build stays',
  SLOW,
  async (t) => {
    const assets = smallAssets(t, { 'modules/network': 'virtio_net warp_drive\n' })
    const out = join(t.testdirName, 'out')
    mkdirSync(join(out, 'image'), { recursive: true })
    writeFileSync(join(out, 'image/manifest.json'), '{}')
    await t.rejects(build(options(out, { assets })), { message: 'this kernel has no module warp_drive' })
    t.same(readdirSync(out), ['image'])
    t.equal(readFileSync(join(out, 'image/manifest.json'), 'utf8'), '{}')
  },
)

t.test('a program that its package does not have fails the build', SLOW, async (t) => {
  const out = join(t.testdirName, 'out')
  const gone = smallAssets(t, { 'packages/ssh': 'take dropbear-bin usr/sbin/dropbear2\n' })
  await t.rejects(build(options(out, { assets: gone })), {
    message: 'package dropbear-bin has no usr/sbin/dropbear2',
  })
})

t.test('a package that the archive does not have is named', SLOW, async (t) => {
  const assets = smallAssets(t, { 'packages/ssh': 'take no-such-package-here usr/bin/x\n' })
  await t.rejects(build(options(join(t.testdirName, 'out'), { assets })), /no-such-package-here/)
})
