import t, { type Test } from 'tap'
import { isMachineError, type MachineError } from '../../../../../src/contracts/errors.js'
import { ID } from '../../../../../src/drivers/plugin/wire/gob/types.js'
import { GobStruct } from '../../../../../src/drivers/plugin/wire/gob/values.js'
import { PluginError, type PluginMethod } from '../../../../../src/drivers/plugin/wire/plugin-api.js'
import { RpcPluginClient } from '../../../../../src/drivers/plugin/wire/rpc-client.js'
import { TYPE } from '../../../../../src/drivers/plugin/wire/schema.js'
import { type CapturedCall, CHUNKINGS, inChunks, readCaptures } from '../../../../helpers/gob-captures.js'
import { isPluginMethod } from '../../../../helpers/plugin-handlers.js'
import { answer, DEFINITIONS, type Script, scriptedPlugin } from '../../../../helpers/scripted-plugin.js'

const LONG = { deadlineMs: 5_000 }
const SHORT = { deadlineMs: 150 }
const EMPTY = new GobStruct('')

async function connected(t: Test, script: (script: Script) => Promise<void>): Promise<RpcPluginClient> {
  const client = await RpcPluginClient.connect(await scriptedPlugin(t, script), LONG)
  t.teardown(() => client.close())
  return client
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

async function machineFailure(promise: Promise<unknown>): Promise<MachineError> {
  const error = await failure(promise)
  if (!isMachineError(error)) throw new Error(`no MachineError but ${String(error)}`)
  return error
}

/** A call whose argument does not matter. */
function anyCall(client: RpcPluginClient, method: PluginMethod): Promise<unknown> {
  if (method === 'SetConfigRaw') return client.call(method, '{}', LONG)
  if (method === 'SetConfigFromFlags') return client.call(method, {}, LONG)
  return client.call(method, undefined, LONG)
}

/** How a call ended: its error's text, or whether there was a value, which captures.test.ts looks into. */
function ending(result: PromiseSettledResult<unknown>): unknown {
  if (result.status === 'fulfilled') return { hasValue: result.value !== undefined }
  return result.reason instanceof PluginError ? result.reason.message : result.reason
}

function toldEnding({ error, value }: CapturedCall): unknown {
  return error || { hasValue: value !== undefined }
}

for (const how of CHUNKINGS)
  t.test(`calls made side by side get what a real plugin answered, in chunks: ${how}`, async (t) => {
    for (const { name, server, calls } of readCaptures()) {
      const methods = calls.map(({ method }) => method).filter(isPluginMethod)
      if (methods.length === 0) continue
      const client = await connected(t, async ({ next, send }) => {
        for (const _ of methods) await next()
        for (const chunk of inChunks(server, how, 7)) await send(chunk)
      })
      const results = await Promise.allSettled(methods.map((method) => anyCall(client, method)))
      t.strictSame(results.map(ending), calls.map(toldEnding), name)
      client.close()
    }
  })

t.test('replies may come in any order', async (t) => {
  const client = await connected(t, async ({ next, send }) => {
    const [first, second, third] = [await next(), await next(), await next()]
    await send(DEFINITIONS)
    await send(answer(third, ID.int, 22))
    await send(answer(first, ID.string, 'one'))
    await send(answer(second, TYPE.empty, EMPTY, 'two failed'))
  })
  const calls = [
    client.call('DriverName', undefined, LONG),
    failure(client.call('Start', undefined, LONG)),
    client.call('GetSSHPort', undefined, LONG),
  ]
  const [name, error, port] = await Promise.all(calls)
  t.equal(name, 'one')
  t.match(error, new PluginError('two failed'))
  t.equal(port, 22)
})

t.test(
  'a call that is given up leaves the connection as it was, and its late reply is dropped',
  async (t) => {
    const client = await connected(t, async ({ next, send }) => {
      const [slow, aborted] = [await next(), await next()]
      const asked = await next()
      await send(DEFINITIONS)
      await send(answer(slow, TYPE.empty, EMPTY, 'too late'))
      await send(answer(aborted, ID.string, 'too late'))
      await send(answer(asked, ID.string, 'in time'))
    })
    const abort = new AbortController()
    const slow = machineFailure(client.call('Create', undefined, SHORT))
    const aborted = failure(client.call('GetIP', undefined, { ...LONG, signal: abort.signal }))
    abort.abort(new Error('enough'))
    t.match(await aborted, new Error('enough'))
    const { code, message } = await slow
    t.equal(code, 'timeout')
    t.match(message, /the driver plugin's answer to Create .* last seen: the answer to our greeting/)
    t.equal(await client.call('GetURL', undefined, LONG), 'in time')
  },
)

t.test('calls that wait when the connection ends say which they were and what was last seen', async (t) => {
  const client = await connected(t, async ({ next, send, socket }) => {
    await send(Buffer.concat([DEFINITIONS, answer(await next(), ID.int, 22)]))
    await next()
    socket.destroy()
  })
  await client.call('GetSSHPort', undefined, LONG)
  const { code, message, evidence } = await machineFailure(client.call('Create', undefined, LONG))
  t.equal(code, 'driver')
  t.match(message, /did not answer Create: the plugin closed the connection|connection broke/)
  t.match(evidence, 'the reply to RPCServerDriver.GetSSHPort (call 0)')
  await client.closed
  t.match((await machineFailure(client.call('Stop', undefined, LONG))).message, 'did not answer Stop')
})

t.test('what is not gob ends the connection and every call on it', async (t) => {
  const client = await connected(t, async ({ next, send }) => {
    await next()
    await next()
    await send('HTTP/1.1 500 Sorry\r\n'.repeat(10))
  })
  const calls = [client.call('GetIP', undefined, LONG), client.call('GetURL', undefined, LONG)]
  for (const { code, message } of await Promise.all(calls.map(machineFailure))) {
    t.equal(code, 'driver')
    t.match(message, 'it does not speak the plugin protocol')
  }
  await client.closed
})

t.test('a reply of another type fails its call only', async (t) => {
  const client = await connected(t, async ({ next, send }) => {
    await send(Buffer.concat([DEFINITIONS, answer(await next(), ID.int, 4)]))
    await send(answer(await next(), ID.int, 4))
  })
  const { code, message } = await machineFailure(client.call('GetURL', undefined, LONG))
  t.equal(code, 'driver')
  t.match(message, 'answered GetURL with a number where a text belongs')
  t.equal(await client.call('GetState', undefined, LONG), 4)
})

t.test('a plugin from before 0.5.1 is asked under its old name, from the version on', async (t) => {
  const asked: string[] = []
  const client = await connected(t, async ({ next, send }) => {
    const refused = await next()
    const error = "rpc: can't find service RPCServerDriver.GetVersion"
    await send(Buffer.concat([DEFINITIONS, answer(refused, TYPE.empty, EMPTY, error)]))
    const version = await next()
    await send(answer(version, ID.int, 1))
    const name = await next()
    await send(answer(name, ID.string, 'old'))
    asked.push(...[refused, version, name].map(({ envelope }) => envelope.serviceMethod))
  })
  t.equal(await client.call('GetVersion', undefined, LONG), 1)
  t.equal(await client.call('DriverName', undefined, LONG), 'old')
  t.strictSame(asked, [
    'RPCServerDriver.GetVersion',
    'RpcServerDriver.GetVersion',
    'RpcServerDriver.DriverName',
  ])
})

t.test('a plugin that fails at its version otherwise is not asked twice', async (t) => {
  const client = await connected(t, async ({ next, send }) => {
    await send(Buffer.concat([DEFINITIONS, answer(await next(), TYPE.empty, EMPTY, 'no')]))
    await send(answer(await next(), ID.int, 1))
  })
  t.match(await failure(client.call('GetVersion', undefined, LONG)), new PluginError('no'))
})

t.test('only this computer is connected to', async (t) => {
  for (const host of ['192.0.2.1', 'localhost', '::', '0.0.0.0', '127.0.0.1.example.com', '127.1', ''])
    t.match(await machineFailure(RpcPluginClient.connect({ host, port: 1 }, LONG)), {
      code: 'driver',
      message: /must listen on this computer only/,
    })
  for (const port of [0, -1, 65_536, 1.5, NaN])
    t.match(await machineFailure(RpcPluginClient.connect({ host: '127.0.0.1', port }, LONG)), {
      code: 'driver',
      message: /cannot listen on port/,
    })
})

t.test('whoever does not greet like a plugin is none', async (t) => {
  const silent = async (): Promise<void> => undefined
  const connect = (greeting: string): Promise<unknown> =>
    scriptedPlugin(t, silent, greeting).then((address) => RpcPluginClient.connect(address, SHORT))
  t.match(await machineFailure(connect('HTTP/1.0 405 must CONNECT\n\n')), {
    code: 'driver',
    message: /it answered "HTTP\/1.0 405 must CONNECT"/,
  })
  t.match(await machineFailure(connect('x'.repeat(20_000))), {
    code: 'driver',
    message: /no end of the greeting/,
  })
  t.match(await machineFailure(connect('HTTP/1.0 200 Conn')), { code: 'timeout' })
})

t.test('a plugin that hangs up or does not listen is told at once', async (t) => {
  const address = await scriptedPlugin(t, async ({ socket }) => void socket.destroy(), 'SSH-2.0-x\r\n')
  t.match(await machineFailure(RpcPluginClient.connect(address, LONG)), {
    code: 'driver',
    message: /it hung up; it had said "SSH-2.0-x"/,
  })
  t.match(await machineFailure(RpcPluginClient.connect({ host: '127.0.0.1', port: 1 }, LONG)), {
    code: 'driver',
    message: /ECONNREFUSED/,
  })
})
