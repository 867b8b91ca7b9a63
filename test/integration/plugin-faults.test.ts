/** The program with a driver plugin that fails in some way: what is recorded of it, and what one can do then. */
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { hostFlags, PluginUser, TOKEN } from '../helpers/plugin-user.js'

t.setTimeout(300_000)

const CREATE = ['create', '-d', 'godouble']
const LOST = /look for web at its provider/

t.test('a create whose plugin could not be started made nothing, and is carried on with', async (t) => {
  const me = await PluginUser.start(t)
  const host = await me.host(t)
  me.provider.script({ at: 'Create', do: 'error', text: 'no more servers' })
  t.equal((await me.run([...CREATE, ...hostFlags(host), 'web'])).code, 1)
  // As it is when we are killed before the first step of the create.
  writeFileSync(
    me.file('web', 'tsmachine.json'),
    JSON.stringify({ ...me.ledger('web'), resources: [], phase: 'creating' }),
  )
  me.provider.forget()
  me.provider.script({ at: 'SetConfigRaw', do: 'error', text: 'no such state' })
  const failed = await me.run(['create', '--resume', 'web'])
  t.match(failed, { code: 1, stderr: /no such state/ })
  t.notMatch(failed.stderr, LOST)
  t.same(me.provider.calls('Create'), [])
  t.match(me.ledger('web').resources, [{ state: 'intended', attributes: { begun: false } }])
  me.provider.script()
  t.notMatch((await me.ok(['create', '--resume', 'web'])).stderr, LOST)
  t.equal(me.provider.servers.length, 1)
  t.equal(me.ledger('web').phase, 'ready')
  await me.ok(['rm', '-y', 'web'])
  t.same(me.provider.servers, [])
})

t.test('which fields hold secrets is known also of a machine whose Create failed', async (t) => {
  const me = await PluginUser.start(t)
  me.provider.script({ at: 'Create', do: 'error', text: 'no more servers' })
  t.match(await me.run([...CREATE, 'web']), { code: 1, stderr: /no more servers/ })
  t.match(me.ledger('web').resources, [
    { state: 'intended', attributes: { ended: true, secretKeys: ['ApiToken'] } },
  ])
  t.notMatch((await me.ok(['inspect', 'web'])).stdout, TOKEN)
})

t.test('a machine that is paused, or in error, is started by its plugin', async (t) => {
  const me = await PluginUser.start(t)
  const host = await me.host(t)
  await me.ok([...CREATE, ...hostFlags(host), 'web'])
  for (const state of ['Paused', 'Error']) {
    me.provider.change((servers) => servers.map((server) => ({ ...server, state })))
    t.equal((await me.ok(['status', 'web'])).stdout, `${state}\n`)
    await me.ok(['start', 'web'])
    t.equal((await me.ok(['status', 'web'])).stdout, 'Running\n')
  }
  t.match(await me.run(['start', 'web']), { code: 1, stderr: /already running/ })
})

t.test('what the plugin prints last is told too', async (t) => {
  const me = await PluginUser.start(t)
  const host = await me.host(t)
  me.provider.script({ at: 'GetURL', do: 'print', stream: 'stdout', text: 'a word at the end' })
  t.match((await me.ok([...CREATE, ...hostFlags(host), 'web'])).stderr, /\(web\) a word at the end/)
})

t.test('a plugin keeps its secrets itself: --no-save-secret is refused before it is asked', async (t) => {
  const me = await PluginUser.start(t)
  const outcome = await me.run([...CREATE, '--no-save-secret', 'web'])
  t.match(outcome, { code: 2, stderr: /--no-save-secret: the godouble plugin keeps its settings itself/ })
  t.notOk(me.has('web'))
  t.same(me.provider.calls('PreCreateCheck'), [])
})
