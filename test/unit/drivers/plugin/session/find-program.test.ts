import { chmodSync, linkSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import t, { type Test } from 'tap'
import {
  legacyProgram,
  missingPlugin,
  pluginProgram,
} from '../../../../../src/drivers/plugin/session/find-program.js'
import { leadsToUs } from '../../../../../src/util/own-links.js'
import { ownProgram } from '../../../../../src/util/own-program.js'

/** Two directories of a PATH, the first one first. */
function bench(t: Test) {
  const root = realpathSync(t.testdir({ first: {}, second: {}, conf: { tsmachine: {} } }))
  const [first, second] = [join(root, 'first'), join(root, 'second')]
  return {
    root,
    first,
    second,
    env: { PATH: [first, second].join(delimiter), XDG_CONFIG_HOME: join(root, 'conf') },
  }
}

function put(path: string): string {
  writeFileSync(path, '#!/bin/sh\n', { mode: 0o755 })
  return path
}

t.test('a plugin is the first program of its name on PATH', (t) => {
  const { first, second, env } = bench(t)
  t.equal(pluginProgram('vultr', env), undefined)
  const later = put(join(second, 'docker-machine-driver-vultr'))
  t.equal(pluginProgram('vultr', env), later)
  const earlier = put(join(first, 'docker-machine-driver-vultr'))
  t.equal(pluginProgram('vultr', env), earlier)
  chmodSync(earlier, 0o644)
  t.equal(pluginProgram('vultr', env), later, 'what cannot be run is no program')
  t.end()
})

t.test('a plugin in a relative directory of PATH is told as an absolute path', (t) => {
  const { first, env } = bench(t)
  const path = put(join(first, 'docker-machine-driver-vultr'))
  const here = process.cwd()
  t.teardown(() => process.chdir(here))
  process.chdir(first)
  t.equal(pluginProgram('vultr', { ...env, PATH: '.' }), path)
  t.end()
})

t.test('links to us are passed over: by any name, in several steps, hard ones, and to other copies', (t) => {
  const { root, first, second, env } = bench(t)
  const name = 'docker-machine-driver-ts-qemu'
  const foreign = put(join(second, name))
  const elsewhere = join(root, 'lib', 'tsmachine', 'bin')
  mkdirSync(elsewhere, { recursive: true })
  symlinkSync(ownProgram(), join(root, 'step'))
  const links: Record<string, (path: string) => void> = {
    link: (path) => symlinkSync(ownProgram(), path),
    steps: (path) => symlinkSync(join(root, 'step'), path),
    copy: (path) => symlinkSync(put(join(elsewhere, 'run.cjs')), path),
    executable: (path) => symlinkSync(put(join(root, 'tsmachine-linux-x64')), path),
    script: (path) => writeFileSync(path, '@echo off\r\nrem tsmachine shim\r\n', { mode: 0o755 }),
  }
  for (const [how, link] of Object.entries(links)) {
    const dir = join(first, how)
    mkdirSync(dir)
    link(join(dir, name))
    t.equal(pluginProgram('ts-qemu', { ...env, PATH: [dir, second].join(delimiter) }), foreign, how)
  }
  const hard = join(root, 'hard')
  try {
    linkSync(ownProgram(), hard)
    t.equal(leadsToUs(hard), true)
  } catch {
    t.comment('the checkout is on another file system')
  }
  symlinkSync(put(join(root, 'tsmachine-driver-vultr')), join(first, 'docker-machine-driver-vultr'))
  t.match(pluginProgram('vultr', env), /vultr$/, 'a driver for us is not us')
  t.end()
})

t.test('what is not the name of a driver is not looked for', (t) => {
  const { env } = bench(t)
  for (const name of ['', '.', '../x', 'a/b', '-x', 'a b', 'a\n', 'ä'])
    t.throws(() => pluginProgram(name, env), { code: 'usage' }, JSON.stringify(name))
  t.match(missingPlugin('vultr'), {
    code: 'preflight',
    message:
      'Driver "vultr" not found. Do you have the plugin binary "docker-machine-driver-vultr" accessible in your PATH?',
  })
  t.end()
})

t.test(
  'the old docker-machine is the one of the variable, else the recorded one, else the first that is not us',
  (t) => {
    const { root, first, second, env } = bench(t)
    t.equal(legacyProgram(env), undefined)
    symlinkSync(ownProgram(), join(first, 'docker-machine'))
    t.equal(legacyProgram(env), undefined, 'our own link is none')
    const onPath = put(join(second, 'docker-machine'))
    t.equal(legacyProgram(env), onPath)
    const aside = put(join(root, 'docker-machine.before-tsmachine'))
    const record = (path: string): void =>
      writeFileSync(join(root, 'conf', 'tsmachine', 'docker-machine.json'), JSON.stringify({ path }))
    record(aside)
    t.equal(legacyProgram(env), aside)
    for (const useless of [join(first, 'docker-machine'), join(root, 'gone')]) {
      record(useless)
      t.equal(legacyProgram(env), onPath, `recorded: ${useless}`)
    }
    const wanted = put(join(root, 'wanted'))
    t.equal(legacyProgram({ ...env, TSMACHINE_LEGACY_BINARY: wanted }), wanted)
    t.equal(legacyProgram({ ...env, TSMACHINE_LEGACY_BINARY: '' }), onPath)
    t.end()
  },
)

t.test('a variable that names no program, or us, is an error and not passed over', (t) => {
  const { root, first, second, env } = bench(t)
  put(join(second, 'docker-machine'))
  const link = join(first, 'docker-machine')
  symlinkSync(ownProgram(), link)
  for (const [wanted, message] of [
    [join(root, 'gone'), /names no program/],
    [link, /leads to tsmachine itself/],
  ] as const)
    t.throws(() => legacyProgram({ ...env, TSMACHINE_LEGACY_BINARY: wanted }), { code: 'preflight', message })
  t.end()
})
