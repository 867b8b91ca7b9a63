import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { allFlags } from '../../../src/drivers/flag-tables.js'
import { driverNames, Drivers, loadFactory, servableFactory } from '../../../src/drivers/registry.js'

t.test('an unknown driver is refused in the words of docker-machine, with what is near', async (t) => {
  await t.rejects(loadFactory('genric'), {
    code: 'usage',
    message:
      'Driver "genric" not found. Do you have the plugin binary "docker-machine-driver-genric" accessible in your PATH?',
    hints: ['Did you mean --driver generic?', `Built-in drivers: ${driverNames().join(', ')}.`],
  })
  await t.rejects(loadFactory('constructor'), { code: 'usage', hints: [/^Built-in drivers/] })
})

t.test('each driver loads under its own name with the flags that help shows', async (t) => {
  const tables = allFlags()
  t.strictSame(
    tables.map(({ driver }) => driver),
    [...driverNames()].sort(),
  )
  for (const { driver, flags } of tables) {
    const factory = await loadFactory(driver)
    t.equal(factory.name, driver)
    t.equal(factory.flags, flags, `${driver}: one table, not two`)
  }
})

t.test('no two flags or variables of different drivers share a name', async (t) => {
  const tables = allFlags()
  const names = tables.flatMap(({ flags }) => flags.map((flag) => flag.name))
  const variables = tables.flatMap(({ flags }) => flags.flatMap((flag) => flag.env ?? []))
  t.equal(new Set(names).size, names.length)
  t.equal(new Set(variables).size, variables.length)
})

t.test('only our own drivers are served: a plugin of the name is none, wherever it is', async (t) => {
  const refusal = { code: 'usage', message: /^Only our own drivers can be served: amazonec2, .*"acme"/ }
  await t.rejects(servableFactory('acme'), refusal)
  t.equal((await servableFactory('hetzner')).name, 'hetzner')
})

t.test("docker-machine's own drivers are known by name, before its program is started", async (t) => {
  const PATH = t.testdir({ 'docker-machine': '#!/bin/sh\necho started >&2; exit 1\n' })
  chmodSync(join(PATH, 'docker-machine'), 0o755)
  const drivers = new Drivers({ PATH }, () => new AbortController().signal)
  await t.rejects(drivers.load('docker-machine:virtualbux'), {
    code: 'usage',
    message: 'docker-machine has no driver "virtualbux"',
    hints: ['Did you mean --driver docker-machine:virtualbox?', /^Drivers of docker-machine/],
  })
  await t.rejects(drivers.load('docker-machine:'), { code: 'usage', message: /lacks the name of a driver/ })
  await t.rejects(drivers.load('docker-machine:none'), { code: 'driver' }, 'which starts it')
})

t.test(
  'a plugin that is not executable, or no program, is said to be that, and sh runs none of it',
  async (t) => {
    const PATH = t.testdir({
      'docker-machine-driver-idle': '#!/bin/sh\n',
      'docker-machine-driver-text': 'touch "$(dirname "$0")/touched"\n',
      'docker-machine-driver-lost': '#!/nowhere/interpreter\n',
    })
    for (const name of ['text', 'lost']) chmodSync(join(PATH, `docker-machine-driver-${name}`), 0o755)
    const drivers = new Drivers({ PATH }, () => new AbortController().signal)
    const file = (name: string): string => join(PATH, `docker-machine-driver-${name}`)
    await t.rejects(drivers.load('idle'), {
      code: 'usage',
      message: `The plugin of driver "idle" is not executable: ${file('idle')}`,
      hints: [`chmod +x ${file('idle')}`],
    })
    await t.rejects(drivers.load('text'), { code: 'driver', message: /is no program/, hints: [/#!/] })
    t.notOk(existsSync(join(PATH, 'touched')))
    await t.rejects(drivers.load('lost'), {
      code: 'driver',
      message: /could not be started: its interpreter is missing/,
      hints: [/docker-machine-driver-lost/],
    })
  },
)
