import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { cachePath, dockerConfigPath, packageRoot, runtimePath, storePath } from '../../../src/util/paths.js'

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

t.test('the package root holds our package.json', (t) => {
  t.ok(existsSync(join(packageRoot(), 'package.json')))
  t.ok(existsSync(join(packageRoot(), 'src', 'util', 'paths.ts')))
  t.end()
})
