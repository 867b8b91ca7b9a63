import { chmodSync, chownSync, existsSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import {
  cachePath,
  dockerConfigPath,
  homePath,
  packageRoot,
  runtimePath,
  storePath,
} from '../../../src/util/paths.js'

t.test('the store is where the flag, the variable or docker-machine says, in this order', (t) => {
  t.equal(storePath({ HOME: '/home/a', MACHINE_STORAGE_PATH: '/var' }, '/flag'), '/flag')
  t.equal(storePath({ HOME: '/home/a', MACHINE_STORAGE_PATH: '/var' }), '/var')
  t.equal(storePath({ HOME: '/home/a' }), '/home/a/.docker/machine')
  t.equal(
    storePath({ HOME: '/home/a', MACHINE_STORAGE_PATH: '' }),
    '/home/a/.docker/machine',
    'empty is unset',
  )
  t.end()
})

t.test('caches, sockets and docker follow their own variables', (t) => {
  t.equal(cachePath({ XDG_CACHE_HOME: '/c' }), '/c/tsmachine')
  t.equal(cachePath({ HOME: '/home/a' }), '/home/a/.cache/tsmachine')
  t.equal(runtimePath({ XDG_RUNTIME_DIR: '/run/user/1' }), '/run/user/1/tsmachine')
  t.match(runtimePath({}), /tsmachine-\d+$/)
  t.equal(dockerConfigPath({ DOCKER_CONFIG: '/d' }), '/d')
  t.equal(dockerConfigPath({ HOME: '/home/a' }), '/home/a/.docker')
  t.end()
})

t.test('an empty HOME is none: nothing is looked for below the directory that somebody is in', (t) => {
  t.equal(homePath({ HOME: '/home/a' }), '/home/a')
  t.equal(homePath({}), homedir())
  const old = process.env['HOME']
  t.teardown(() => void (process.env['HOME'] = old))
  process.env['HOME'] = ''
  t.equal(homePath(), userInfo().homedir)
  t.equal(storePath({ HOME: '' }), join(userInfo().homedir, '.docker', 'machine'))
  t.end()
})

t.test('a XDG_RUNTIME_DIR of somebody else, or open to others, is not used', (t) => {
  const dir = t.testdir({ run: {} })
  const run = join(dir, 'run')
  const own = /tsmachine-\d+$/
  for (const [mode, wanted] of [
    [0o700, join(run, 'tsmachine')],
    [0o755, join(run, 'tsmachine')],
    [0o775, own],
    [0o1777, own],
  ] as const) {
    chmodSync(run, mode)
    t.match(runtimePath({ XDG_RUNTIME_DIR: run }), wanted, mode.toString(8))
  }
  if (process.getuid?.() === 0) {
    chmodSync(run, 0o700)
    chownSync(run, 65_534, 65_534)
    t.match(runtimePath({ XDG_RUNTIME_DIR: run }), own, 'as after sudo -E')
  }
  t.end()
})

t.test('the package root holds our package.json', (t) => {
  t.ok(existsSync(join(packageRoot(), 'package.json')))
  t.ok(existsSync(join(packageRoot(), 'src', 'util', 'paths.ts')))
  t.end()
})
