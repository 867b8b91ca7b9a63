import t from 'tap'
import { isMachineError } from '../../../../../src/contracts/errors.js'
import { PluginError } from '../../../../../src/drivers/plugin/wire/plugin-api.js'
import { RpcPluginClient } from '../../../../../src/drivers/plugin/wire/rpc-client.js'
import { PluginServer } from '../../../../../src/drivers/plugin/wire/rpc-server.js'
import { damaged } from '../../../../helpers/damaged-streams.js'
import { inChunks, readCaptures } from '../../../../helpers/gob-captures.js'
import { handledBy } from '../../../../helpers/plugin-handlers.js'
import { RawClient } from '../../../../helpers/raw-client.js'
import { scriptedPlugin } from '../../../../helpers/scripted-plugin.js'
import { size } from '../../../../sizes.js'

/** Each has a connection of its own, which takes longer than decoding. */
const CONNECTIONS = size('fuzzedStreams') / 20
const LONG = { deadlineMs: 5_000 }
const CAPTURES = readCaptures()

t.test('a plugin that sends damaged answers fails calls, and nothing else', async (t) => {
  const answers = CAPTURES.map(({ server }) => server).filter(({ length }) => length > 0)
  let seed = 0
  const address = await scriptedPlugin(t, async ({ next, send, socket }) => {
    await next()
    for (const chunk of inChunks(damaged(answers, seed), 'random', seed)) await send(chunk)
    socket.end()
  })
  const ends = { value: 0, pluginError: 0, driver: 0 }
  for (seed = 1; seed <= CONNECTIONS; seed++) {
    const client = await RpcPluginClient.connect(address, LONG)
    const calls = [client.call('GetVersion', undefined, LONG), client.call('GetCreateFlags', undefined, LONG)]
    for (const result of await Promise.allSettled<unknown>(calls)) {
      const error: unknown = result.status === 'rejected' ? result.reason : undefined
      if (result.status === 'fulfilled') ends.value++
      else if (error instanceof PluginError) ends.pluginError++
      else if (isMachineError(error) && error.code === 'driver') ends.driver++
      else t.fail(`seed ${seed}: ${String(error)}`)
    }
    await client.closed
  }
  t.equal(ends.value + ends.pluginError + ends.driver, CONNECTIONS * 2)
  t.ok(ends.value > 0 && ends.driver > ends.value, JSON.stringify(ends))
})

t.test('clients that send damaged calls do not keep others from being served', async (t) => {
  const calls = CAPTURES.map(({ client }) => client)
  const server = new PluginServer(handledBy(async () => 1))
  t.teardown(() => server.close())
  const address = await server.listen()
  const honest = await RpcPluginClient.connect(address, LONG)
  for (let seed = 1; seed <= CONNECTIONS; seed++) {
    const hostile = await RawClient.greeted(t, address)
    for (const chunk of inChunks(damaged(calls, seed), 'random', seed)) await hostile.send(chunk)
    hostile.socket.end()
    await hostile.until(() => hostile.isClosed)
    t.equal(await honest.call('GetVersion', undefined, LONG), 1, `after seed ${seed}`)
  }
  honest.close()
})
