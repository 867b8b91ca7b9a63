import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isolateLoader, relocate } from '../../../image-build/elf-relocate.js'
import { isElf, parseElf } from '../../../image-build/elf.js'
import { bundleVersion } from '../../../image-build/engine-bundle-tree.js'
import { withParents } from '../../../image-build/engine-bundle-pack.js'
import { upstreamVersion } from '../../../image-build/engine-bundle.js'
import { libraryClosure } from '../../../image-build/libraries.js'
import { run } from '../../../src/util/exec.js'
import { debianTool } from '../../../tools/debian-tool.js'

/** A dynamic program that every Debian has. */
const PROGRAM = '/bin/ls'

t.test('what a program is started with and needs is read as readelf-like tools read it', async (t) => {
  const elf = parseElf(readFileSync(PROGRAM))
  t.match(elf.interpreter, /ld-linux/)
  t.ok(elf.needed.includes('libc.so.6'))
  t.ok(elf.spareDynamic >= 1)
  const library = parseElf(readFileSync('/lib/x86_64-linux-gnu/libc.so.6'))
  t.ok(library.needed.some((name) => name.startsWith('ld-linux')))
})

t.test('other files are told apart', async (t) => {
  t.notOk(isElf(Buffer.from('#!/bin/sh\n')))
  t.throws(() => parseElf(Buffer.from('#!/bin/sh\n')), /not a 64-bit/)
  const bytes = readFileSync(PROGRAM)
  bytes[4] = 1
  t.throws(() => parseElf(bytes), /not a 64-bit/)
})

t.test('a relocated program starts with the loader and libraries of its new home', async (t) => {
  const home = join(t.testdir(), 'home')
  mkdirSync(join(home, 'lib'), { recursive: true })
  const bytes = readFileSync(PROGRAM)
  const size = bytes.length
  relocate(bytes, { interpreter: `${home}/lib/loader`, rpath: `${home}/lib` })
  t.equal(bytes.length, size, 'nothing is moved')
  t.equal(parseElf(bytes).interpreter, `${home}/lib/loader`)
  const program = join(home, 'ls')
  writeFileSync(program, bytes)
  chmodSync(program, 0o755)
  t.not(
    await run(program, []).then(
      (result) => result.code,
      () => 127,
    ),
    0,
    'without a loader there it cannot start',
  )

  for (const [name, file] of await libraryClosure([PROGRAM], ['/'])) {
    const library = readFileSync(file)
    if (name.startsWith('ld-')) isolateLoader(library)
    writeFileSync(join(home, 'lib', name.startsWith('ld-') ? 'loader' : name), library)
  }
  chmodSync(join(home, 'lib', 'loader'), 0o755)
  const listed = await run(program, [home])
  t.equal(listed.stdout, 'lib\nls\n', listed.stderr)
  const maps = await run(program, ['/proc/self/map_files', '-l'])
  const mapped = maps.stdout.split('\n').flatMap((line) => line.split(' -> ')[1] ?? [])
  t.ok(mapped.length > 0)
  t.strictSame(
    mapped.filter((file) => /\.so|loader/.test(file) && !file.startsWith(home)),
    [],
    'no library of the host is loaded',
  )
  t.throws(() => relocate(bytes, { interpreter: 'x', rpath: 'y' }), /library path of its own/)
})

t.test('an isolated loader does not look for libraries where the host has them', async (t) => {
  const home = t.testdir()
  const closure = await libraryClosure([PROGRAM], ['/'])
  const loader = [...closure].find(([name]) => name.startsWith('ld-'))?.[1] ?? ''
  const bytes = readFileSync(loader)
  isolateLoader(bytes)
  const file = join(home, 'loader')
  writeFileSync(file, bytes)
  chmodSync(file, 0o755)
  const result = await run(file, [PROGRAM])
  t.not(result.code, 0)
  t.match(result.stderr, /cannot open shared object file/)
  t.equal((await run(loader, [PROGRAM, '-d', '/'])).stdout, '/\n', 'the original does')
  t.throws(() => isolateLoader(Buffer.from('something else')), /cannot keep it off the host/)
})

t.test('a static program and a full page are handled', async (t) => {
  const bytes = readFileSync(PROGRAM)
  t.throws(() => relocate(bytes, { interpreter: 'x'.repeat(5000), rpath: 'y' }), /no 5003 spare bytes/)
  t.ok(bytes.equals(readFileSync(PROGRAM)), 'a refused file is not touched')
  const busybox = await debianTool('busybox')
  const still = readFileSync(busybox)
  relocate(still, { interpreter: '/x', rpath: '/y' })
  t.ok(still.equals(readFileSync(busybox)))
})

t.test('a missing library is named with who needs it', async (t) => {
  const root = t.testdir({ usr: { lib: {} } })
  await t.rejects(libraryClosure([PROGRAM], [root]), /library lib\S+ is missing, ls needs it/)
})

t.test('the version of a bundle follows its packages and nothing else', async (t) => {
  const deb = (version: string) => ({ name: 'docker.io', version, arch: 'amd64', sha256: version, path: '' })
  const one = bundleVersion('26.1.5', [deb('1')], false)
  t.match(one, /^26\.1\.5-[0-9a-f]{8}$/)
  t.equal(bundleVersion('26.1.5', [deb('1')], false), one)
  t.not(bundleVersion('26.1.5', [deb('2')], false), one)
  t.not(bundleVersion('26.1.5', [deb('1')], true), one)
  t.equal(upstreamVersion([deb('1:26.1.5+dfsg1-9')], 'docker.io'), '26.1.5')
  t.throws(() => upstreamVersion([], 'docker.io'), /not fetched/)
})

t.test('archives name each directory before what is in it', async (t) => {
  t.strictSame(withParents(['v/lib/b', 'v/bin/a']), ['v', 'v/bin', 'v/bin/a', 'v/lib', 'v/lib/b'])
})
