/** What we take from others, and how: the lock file, and installing without running anything of theirs. */
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../../src/util/paths.js'

interface Locked {
  readonly version?: string
  readonly integrity?: string
  readonly link?: boolean
}

const read = (name: string): string => readFileSync(join(packageRoot(), name), 'utf8')
const lock = JSON.parse(read('package-lock.json')) as {
  readonly lockfileVersion: number
  readonly packages: Readonly<Record<string, Locked>>
}

t.test('the lock file is committed and has a hash for each package', (t) => {
  const tracked = spawnSync('git', ['ls-files', '--error-unmatch', 'package-lock.json'], {
    cwd: packageRoot(),
  })
  t.equal(tracked.status, 0, String(tracked.stderr))
  const packages = Object.entries(lock.packages).filter(([path]) => path !== '')
  t.ok(packages.length > 100, `${packages.length} packages`)
  const unchecked = packages.filter(
    ([, { integrity = '' }]) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity),
  )
  t.strictSame(
    unchecked.map(([path]) => path),
    [],
  )
  t.end()
})

t.test('the lock file says what is wanted, not from where', (t) => {
  const text = read('package-lock.json')
  t.notMatch(text, /"resolved"/)
  // What npm shows as a package's own request for money is no source.
  const urls = text.split('\n').filter((line) => line.includes('://') && !/^\s*"url": /.test(line))
  const funding = urls.filter((line) => !/^\s*"funding": /.test(line) && !/^\s+"https?:[^"]*",?$/.test(line))
  t.strictSame(funding, [])
  t.match(read('.npmrc'), /^omit-lockfile-registry-resolved=true$/m)
  t.end()
})

t.test('whoever installs tsmachine installs nothing else, and nothing runs', (t) => {
  const own = JSON.parse(read('package.json')) as Record<string, Record<string, string>>
  for (const kind of ['dependencies', 'optionalDependencies', 'peerDependencies', 'bundleDependencies'])
    t.equal(own[kind], undefined, kind)
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare'])
    t.equal(own['scripts']?.[script], undefined, script)
  t.end()
})

t.test('a checkout is set up without running scripts of packages', (t) => {
  const dir = t.testdir({ bin: {}, 'package-lock.json': '{}' })
  const log = join(dir, 'npm.log')
  const npm = join(dir, 'bin/npm')
  writeFileSync(npm, `#!/bin/sh\necho "$@" >>'${log}'\n`)
  chmodSync(npm, 0o755)
  cpSync(join(packageRoot(), 'tools/prepare.mjs'), join(dir, 'tools/prepare.mjs'))
  const prepare = (): number | null => {
    const env = { ...process.env, PATH: [join(dir, 'bin'), process.env['PATH']].join(delimiter) }
    return spawnSync(process.execPath, [join(dir, 'tools/prepare.mjs'), 'packages'], { env }).status
  }
  t.equal(prepare(), 0)
  mkdirSync(join(dir, 'node_modules'))
  writeFileSync(join(dir, 'node_modules/.package-lock.json'), '{}')
  const later = spawnSync('touch', ['-d', 'tomorrow', join(dir, 'package-lock.json')])
  t.equal(later.status, 0)
  t.equal(prepare(), 0)
  t.strictSame(
    readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' ').slice(0, 2)),
    [
      ['ci', '--ignore-scripts'],
      ['install', '--ignore-scripts'],
    ],
  )
  t.end()
})
