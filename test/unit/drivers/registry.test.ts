import t from 'tap'
import { allFlags } from '../../../src/drivers/flag-tables.js'
import { driverNames, loadFactory } from '../../../src/drivers/registry.js'

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
