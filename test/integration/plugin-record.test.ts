/** What the record of a plugin's machine tells is told without the plugin. */
import { rmSync } from 'node:fs'
import t from 'tap'
import { TestUser } from '../helpers/cli.js'
import { goProgram } from '../helpers/go-programs.js'
import { GoProvider } from '../helpers/go-provider.js'
import { pluginMachines, writePluginMachines } from '../helpers/plugin-machines.js'

t.test('ip, url, inspect and ls -q of a recorded machine start no plugin; status does', async (t) => {
  const user = new TestUser()
  t.teardown(() => rmSync(user.home, { recursive: true, force: true }))
  const provider = new GoProvider(user.home)
  const [machine] = pluginMachines(1)
  if (!machine) return t.fail('there is no machine')
  const { name, address } = machine
  writePluginMachines(user.store, provider, [machine])
  const env = { ...provider.env, PATH: `${await goProgram('plugin')}:${process.env['PATH'] ?? ''}` }
  const told = async (...words: string[]): Promise<string> => (await user.ok(words, { env })).trim()
  t.equal(await told('ip', name), address)
  t.equal(await told('url', name), `tcp://${address}:2376`)
  t.equal(await told('inspect', '-f', '{{.DriverName}} {{.Driver.ServerID}}', name), 'godouble srv-1')
  t.equal(await told('ls', '-q'), name)
  t.strictSame(provider.processes(), [])
  t.equal(await told('status', name), 'Running')
  t.equal(provider.processes().filter(({ event }) => event === 'start').length, 1)
})
