import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { locatePlugin } from '../../../../src/drivers/plugin/locate.js'
import { ownProgram } from '../../../../src/util/own-program.js'

function programs(dir: string, ...names: readonly string[]): string {
  mkdirSync(dir, { recursive: true })
  for (const name of names) {
    writeFileSync(join(dir, name), '#!/bin/sh\n')
    chmodSync(join(dir, name), 0o755)
  }
  return dir
}

t.test('a name is a plugin on PATH; with plugin: said aloud', async (t) => {
  const PATH = programs(t.testdir(), 'docker-machine-driver-acme', 'docker-machine-driver-qemu')
  const program = join(PATH, 'docker-machine-driver-acme')
  t.same(locatePlugin('acme', { PATH }, false), { name: 'acme', plugin: 'acme', program })
  t.match(locatePlugin('plugin:qemu', { PATH }, false), { name: 'plugin:qemu', plugin: 'qemu' })
  t.equal(locatePlugin('other', { PATH }, true), undefined)
})

t.test(
  'docker-machine’s own drivers are served by it where that was said, or the machine exists',
  async (t) => {
    const PATH = programs(t.testdir(), 'docker-machine')
    const program = join(PATH, 'docker-machine')
    t.same(locatePlugin('docker-machine:none', { PATH }, false), {
      name: 'docker-machine:none',
      plugin: 'none',
      program,
    })
    t.equal(locatePlugin('virtualbox', { PATH }, false), undefined)
    t.match(locatePlugin('virtualbox', { PATH }, true), { name: 'virtualbox', plugin: 'virtualbox', program })
    t.match(locatePlugin('virtualbox', { PATH, TSMACHINE_LEGACY_DRIVERS: '1' }, false), { program })
    t.equal(
      locatePlugin('linode', { PATH, TSMACHINE_LEGACY_DRIVERS: '1' }, true),
      undefined,
      'not one of its own',
    )
    t.equal(locatePlugin('plugin:virtualbox', { PATH }, true), undefined)
  },
)

t.test('links to ourselves are neither', async (t) => {
  const PATH = t.testdir()
  for (const name of ['docker-machine', 'docker-machine-driver-ts-qemu', 'docker-machine-driver-qemu'])
    symlinkSync(ownProgram(), join(PATH, name))
  t.equal(locatePlugin('docker-machine:virtualbox', { PATH }, false), undefined)
  t.equal(locatePlugin('ts-qemu', { PATH }, false), undefined)
  t.equal(locatePlugin('plugin:qemu', { PATH }, false), undefined)
})
