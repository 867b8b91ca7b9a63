import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { run } from '../../../image-build/exec.js'
import {
  MODULE_LISTS,
  packagesOf,
  parseModuleList,
  parsePackageList,
  readModuleList,
  readPackageLists,
} from '../../../image-build/lists.js'
import {
  copyModules,
  indexModules,
  moduleName,
  parseModinfo,
  readModuleTree,
} from '../../../image-build/modules.js'
import { assetsDir } from '../../../image-build/paths.js'

t.test('package lists say what to take, join, link, try and need', async (t) => {
  const text = `# words
take a usr/bin/a usr/lib/x*.so

  join b etc/all usr/share/*.crt
link bin/c a
try a --version
need sh ls
`
  t.same(parsePackageList(text, 'x.list'), [
    { verb: 'take', package: 'a', paths: ['usr/bin/a', 'usr/lib/x*.so'] },
    { verb: 'join', package: 'b', target: 'etc/all', paths: ['usr/share/*.crt'] },
    { verb: 'link', name: 'bin/c', target: 'a' },
    { verb: 'try', program: 'a', args: ['--version'] },
    { verb: 'need', names: ['sh', 'ls'] },
  ])
})

t.test('a line that cannot be read is named', async (t) => {
  for (const line of ['fetch a b', 'take a', 'link a', 'link a b c', 'join a b', 'try', 'need']) {
    t.throws(() => parsePackageList(`# head\n${line}\n`, 'x.list'), {
      message: `x.list line 2: cannot read "${line}"`,
    })
  }
})

t.test('our own lists are sound', async (t) => {
  const lines = await readPackageLists(assetsDir())
  t.ok(packagesOf(lines).includes('docker.io'))
  const programs = lines.flatMap((line) => (line.verb === 'try' ? [line.program] : []))
  t.equal(new Set(programs).size, programs.length, 'no program is tried twice')
  for (const name of MODULE_LISTS) {
    const modules = await readModuleList(assetsDir(), name)
    t.ok(modules.length > 2, name)
    t.equal(new Set(modules).size, modules.length, `no module is twice in ${name}`)
  }
  t.same(parseModuleList('# x\n a b\n\nc # d\n').slice(0, 3), ['a', 'b', 'c'])
})

/** A kernel's module folder: each module's text is its .modinfo section, packed as Debian packs them. */
async function kernel(t: Test, modules: Record<string, string>): Promise<string> {
  const dir = join(t.testdir(), 'lib/modules/6.1.0-test')
  mkdirSync(dir, { recursive: true })
  for (const [file, info] of Object.entries(modules)) {
    mkdirSync(dirname(join(dir, file)), { recursive: true })
    writeFileSync(join(dir, file), `\0${info.replaceAll(' ; ', '\0')}\0`)
    await run(['xz', join(dir, file)])
  }
  writeFileSync(join(dir, 'modules.order'), `${Object.keys(modules).join('\n')}\n`)
  writeFileSync(join(dir, 'modules.builtin'), 'kernel/lib/built-in-one.ko\n')
  return dir
}

t.test('a module brings all that it depends on, and is unpacked', async (t) => {
  const dir = await kernel(t, {
    'kernel/fs/ext4/ext4.ko': 'depends=jbd2,mbcache ; softdep=pre: crc32c post: other',
    'kernel/fs/jbd2.ko': 'depends=built_in_one',
    'kernel/fs/mbcache.ko': 'depends=',
    'kernel/crypto/crc32c.ko': 'depends=',
    'kernel/net/virtio-net.ko': 'depends=',
    'kernel/net/unused.ko': 'depends=',
  })
  const tree = await readModuleTree(dir)
  const target = join(t.testdirName, 'out/lib/modules/6.1.0-test')
  const names = await copyModules(tree, ['ext4', 'virtio_net', 'built_in_one'], target, ['xz', '-d', '--'])
  t.same(names, ['crc32c', 'ext4', 'jbd2', 'mbcache', 'virtio_net'])
  t.match(readFileSync(join(target, 'kernel/fs/jbd2.ko'), 'latin1'), 'depends=built_in_one')
  t.notOk(existsSync(join(target, 'kernel/net/unused.ko')))
})

t.test('a module that the kernel does not have fails the build', async (t) => {
  const dir = await kernel(t, { 'kernel/a.ko': 'depends=lost' })
  const tree = await readModuleTree(dir)
  const target = join(t.testdirName, 'out')
  await t.rejects(copyModules(tree, ['a', 'flux', 'warp-drive'], target, ['xz', '-d', '--']), {
    message: 'this kernel has no module flux, warp_drive',
  })
  await t.rejects(copyModules(tree, ['a'], target, ['xz', '-d', '--']), {
    message: 'a needs module lost, which this kernel does not have',
  })
})

t.test('module names and their notes about themselves are read', async (t) => {
  t.equal(moduleName('kernel/drivers/net/virtio-net.ko.xz'), 'virtio_net')
  const info = '\0license=GPL\0depends=a-b,c\0softdep=pre: x y-z post: w\0softdep=post: v\0'
  t.same(parseModinfo(Buffer.from(info)), { depends: ['a_b', 'c'], softPre: ['x', 'y_z'] })
})

t.test('the index is made of the modules that are there', async (t) => {
  const dir = await kernel(t, { 'kernel/a.ko': 'alias=pci:v00001AF4d*' })
  const tree = await readModuleTree(dir)
  const root = join(t.testdirName, 'root')
  await copyModules(tree, [], join(root, 'lib/modules/6.1.0-test'), ['xz', '-d', '--'])
  mkdirSync(join(root, 'lib/modules/6.1.0-test'), { recursive: true })
  await indexModules(tree, root, 'busybox')
  t.ok(existsSync(join(root, 'lib/modules/6.1.0-test/modules.dep')))
  t.ok(existsSync(join(root, 'lib/modules/6.1.0-test/modules.builtin')))
})
