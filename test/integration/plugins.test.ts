/** A plugin that the user has: its command, its hooks around ours, and that its faults are not called ours. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { TestUser } from '../helpers/cli.js'

const FIXTURE = fileURLToPath(new URL('../fixtures/plugin', import.meta.url))
const NAME = 'plugin-of-a-user'
const user = new TestUser()
const env = { XDG_DATA_HOME: join(user.home, 'data') }
t.teardown(() => rmSync(user.home, { recursive: true, force: true }))

t.before(async () => {
  await user.ok(['create', '-d', 'none', '--url', 'tcp://192.0.2.7:2376', 'web'])
  const data = join(env.XDG_DATA_HOME, 'tsmachine')
  mkdirSync(data, { recursive: true })
  // As oclif's installer of plugins leaves it.
  const installed = { dependencies: { [NAME]: '1.0.0' }, oclif: { plugins: [{ name: NAME, type: 'user' }] } }
  writeFileSync(join(data, 'package.json'), JSON.stringify({ private: true, ...installed }))
  cpSync(FIXTURE, join(data, 'node_modules', NAME), { recursive: true })
})

t.test('its command runs', async (t) => {
  const { code, stdout } = await user.tsmachine(['greet', 'you'], { env })
  t.match({ code, stdout }, { code: 0, stdout: 'Hello you\n' })
})

t.test('its hooks run around our commands, those that are answered fast too', async (t) => {
  const without = await user.tsmachine(['ip', 'web'])
  t.strictSame(without, { ...without, code: 0, stdout: '192.0.2.7\n', stderr: '' })
  const { code, stdout, stderr } = await user.tsmachine(['ip', 'web'], { env })
  t.match({ code, stdout }, { code: 0, stdout: '192.0.2.7\n' })
  t.equal(stderr, 'init ip\nprerun ip\n')
})

t.test('what fails in it is its fault, with the status that it asks for', async (t) => {
  const failed = await user.tsmachine(['greet', 'nobody'], { env })
  t.match(failed, { code: 1, stderr: /There is nobody to greet[^]*plugin-of-a-user/ })
  t.notMatch(failed.stderr, /bug in tsmachine/)
  t.match(await user.tsmachine(['greet', 'status'], { env }), { code: 4, stderr: /Not today/ })
  const left = await user.tsmachine(['greet', 'exit'], { env })
  t.equal(left.code, 3)
  t.notMatch(left.stderr, /EEXIT/)
})
