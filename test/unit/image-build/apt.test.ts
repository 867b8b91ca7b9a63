import { createHash } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Apt, fetchPackages, parseRecords, sourceDateEpoch } from '../../../image-build/apt.js'
import { run } from '../../../image-build/exec.js'
import { parseCommandLine } from '../../../image-build/main.js'
import { chooseMirror, parseIndexTargets } from '../../../image-build/mirror.js'
import { aptReason, sourcesOf } from '../../../image-build/sources.js'

t.test("the mirror is the one of this computer's own Debian archive", async (t) => {
  const lines = [
    'https://packages.example.org/apt|cloud|Example|Example',
    'http://mirror.example.org/debian-security/|bookworm-security|Debian|Debian-Security',
    'http://mirror.example.org/debian/|bookworm-updates|Debian|Debian',
    'http://mirror.example.org/debian/|bookworm|Debian|Debian',
    'http://mirror.example.org/backports/|bookworm-backports|Debian Backports|Debian Backports',
  ]
  t.same(parseIndexTargets(lines.join('\n')), {
    main: 'http://mirror.example.org/debian',
    security: 'http://mirror.example.org/debian-security',
  })
  t.equal(parseIndexTargets(lines[0] ?? ''), undefined, 'another distribution has none')
  t.equal(parseIndexTargets(''), undefined)
})

t.test('a mirror that is given wins, and must be a URL', async (t) => {
  t.same(await chooseMirror('https://a.example/debian/'), { main: 'https://a.example/debian' })
  t.same(await chooseMirror('https://a.example/debian, https://a.example/security/'), {
    main: 'https://a.example/debian',
    security: 'https://a.example/security',
  })
  await t.rejects(chooseMirror('a.example/debian'), /--mirror is not a URL/)
})

t.test('package records give version, hash, section and every source package', async (t) => {
  const text = `Package: linux-image-6.12-amd64
Source: linux-signed-amd64 (6.12.1+1)
Version: 6.12.1-1
Architecture: amd64
Section: kernel
Built-Using: linux (= 6.12.1-1)
SHA256: aa

Package: tini
Source: tini (0.19.0-3)
Version: 0.19.0-3+b8
Built-Using: glibc (= 2.41-12), gcc-14 (= 14.2.0-19)
Architecture: amd64
SHA256: bb

Package: libc6
Source: glibc
Version: 2.41-12
Architecture: amd64
Section: libs
SHA256: cc
`
  const records = parseRecords(text)
  t.same(
    records.map(({ name, version, sha256, section }) => [name, version, sha256, section]),
    [
      ['linux-image-6.12-amd64', '6.12.1-1', 'aa', 'kernel'],
      ['tini', '0.19.0-3+b8', 'bb', ''],
      ['libc6', '2.41-12', 'cc', 'libs'],
    ],
  )
  const packages = records.map((record) => ({ ...record, sources: record.sources }))
  t.same(sourcesOf({ packages }), [
    'gcc-14=14.2.0-19',
    'glibc=2.41-12',
    'linux-signed-amd64=6.12.1+1',
    'linux=6.12.1-1',
    'tini=0.19.0-3',
  ])
})

t.test('the time stamp is that of the newest package', async (t) => {
  const dir = t.testdir()
  const deb = (name: string, time: number) => {
    const path = join(dir, name)
    writeFileSync(
      path,
      `!<arch>\ndebian-binary   ${String(time).padEnd(12)}0     0     100644  4         \`\n2.0\n`,
    )
    return { name, version: '1', arch: 'amd64', sha256: '', path }
  }
  t.equal(
    await sourceDateEpoch([deb('a', 1_700_000_000), deb('b', 1_790_000_001), deb('c', 5)]),
    1_790_000_001,
  )
  t.equal(await sourceDateEpoch([]), 0)
})

t.test('a build program that fails is told with its name, code and last words', async (t) => {
  await t.rejects(run(['sh', '-c', 'echo first >&2; echo last >&2; exit 7']), {
    message: 'sh failed (exit 7): first\nlast',
    status: 7,
  })
  await t.rejects(run(['no-such-program-here']), {
    message: 'no-such-program-here is not installed on this computer',
  })
  t.equal(await run(['cat'], { input: 'through' }), 'through')
})

t.test('the command line names what to build, where, and how', async (t) => {
  t.match(parseCommandLine([], { XDG_CACHE_HOME: '/cache' }), {
    what: ['image', 'engine'],
    cacheDir: '/cache/tsmachine',
    release: false,
  })
  t.match(parseCommandLine(['image', '--out', '/x', '--mirror', 'file:/m', '--release'], {}), {
    what: ['image'],
    out: '/x',
    mirror: 'file:/m',
    release: true,
  })
  t.throws(() => parseCommandLine(['floppy'], {}), /usage: /)
})

t.test("what apt could not fetch is told in apt's words, without addresses", async (t) => {
  const text =
    'E: Failed to fetch http://m.example/x.dsc  404  Not Found [IP: 192.0.2.1 80]\nE: Failed to fetch some.\n'
  t.equal(aptReason(text), '404  Not Found')
  t.equal(
    aptReason("Reading package lists...\nE: Can not find version '1' of package 'x'\n"),
    "Can not find version '1' of package 'x'",
  )
  t.equal(aptReason(''), 'apt-get failed')
})

t.test('a package in the cache that is no longer what its name says is fetched again', async (t) => {
  const cacheDir = t.testdir()
  const content = 'the package'
  const sha256 = createHash('sha256').update(content).digest('hex')
  const shown = `Package: tool\nVersion: 1.0\nArchitecture: all\nSHA256: ${sha256}\nSection: misc\n`
  let downloads = 0
  const apt: Apt = {
    ...{ suite: 'trixie', arch: 'amd64', cacheDir, stateDir: cacheDir },
    run: (argv, cwd = '') => {
      if (argv[0] === 'apt-cache') return Promise.resolve(shown)
      downloads++
      writeFileSync(join(cwd, 'tool_1.0_all.deb'), content)
      return Promise.resolve('')
    },
  }
  const fetched = async (): Promise<string> => {
    const [deb] = await fetchPackages(apt, ['tool'])
    return readFileSync(deb?.path ?? '', 'utf8')
  }
  const old = process.umask(0)
  t.teardown(() => process.umask(old))
  t.equal(await fetched(), content)
  process.umask(old)
  t.equal(statSync(join(cacheDir, 'debs')).mode & 0o777, 0o700, 'whatever the umask')
  t.equal(await fetched(), content)
  t.equal(downloads, 1)
  writeFileSync(join(cacheDir, 'debs', `${sha256}.deb`), 'the Package')
  t.equal(await fetched(), content)
  t.equal(downloads, 2)
})
