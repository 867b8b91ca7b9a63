import t, { type Test } from 'tap'
import { METHODS } from '../../../../../src/drivers/plugin/wire/codecs.js'
import { GobDecoder } from '../../../../../src/drivers/plugin/wire/gob/decoder.js'
import { GobEncoder } from '../../../../../src/drivers/plugin/wire/gob/encoder.js'
import { ID } from '../../../../../src/drivers/plugin/wire/gob/types.js'
import { GobStruct, type GobValue } from '../../../../../src/drivers/plugin/wire/gob/values.js'
import { CONNECT_REPLY, encodeEnvelope, Pairs } from '../../../../../src/drivers/plugin/wire/net-rpc.js'
import type {
  PluginFlag,
  PluginHandlers,
  PluginMethod,
} from '../../../../../src/drivers/plugin/wire/plugin-api.js'
import { RpcPluginClient } from '../../../../../src/drivers/plugin/wire/rpc-client.js'
import { PluginServer, type PluginServerOptions } from '../../../../../src/drivers/plugin/wire/rpc-server.js'
import { CLIENT_SCHEMA, TYPE } from '../../../../../src/drivers/plugin/wire/schema.js'
import { CHUNKINGS, inChunks, readCaptures } from '../../../../helpers/gob-captures.js'
import { handledBy, isPluginMethod } from '../../../../helpers/plugin-handlers.js'
import { RawClient } from '../../../../helpers/raw-client.js'
import type { ScriptedCall } from '../../../../helpers/scripted-plugin.js'

const LONG = { deadlineMs: 5_000 }
const ENCODER = new GobEncoder(CLIENT_SCHEMA)

interface Served {
  readonly address: { readonly host: string; readonly port: number }
  readonly server: PluginServer
}

async function served(t: Test, handlers: PluginHandlers, options?: PluginServerOptions): Promise<Served> {
  const server = new PluginServer(handlers, options)
  const address = await server.listen()
  t.teardown(() => server.close())
  return { address, server }
}

async function connected(t: Test, { address }: Served): Promise<RpcPluginClient> {
  const client = await RpcPluginClient.connect(address, LONG)
  t.teardown(() => client.close())
  return client
}

/** A request without argument. */
function request(serviceMethod: string, sequence: number): Buffer {
  return Buffer.concat([
    ENCODER.value(TYPE.envelope, encodeEnvelope({ serviceMethod, sequence, error: '' })),
    ENCODER.value(TYPE.empty, new GobStruct('')),
  ])
}

function decodeAll(bytes: Buffer): ScriptedCall[] {
  const pairs = new Pairs()
  return [...new GobDecoder().push(bytes)].flatMap((value) => pairs.push(value) ?? [])
}

/** What a call was answered with, whatever types its server sent it with. */
function told({ envelope, body }: ScriptedCall): unknown[] {
  const { serviceMethod, sequence, error } = envelope
  const method = serviceMethod.split('.')[1] ?? ''
  const isReply = error === '' && isPluginMethod(method)
  return [sequence, serviceMethod, error, isReply ? METHODS[method].reply.decode(body) : undefined]
}

function bySequence(calls: readonly ScriptedCall[]): unknown[] {
  return [...calls].sort((a, b) => a.envelope.sequence - b.envelope.sequence).map(told)
}

/** Answers each call as the recorded plugin did. */
function recorded(answers: readonly ScriptedCall[]): PluginHandlers {
  const left = [...answers]
  return handledBy(async (method) => {
    const index = left.findIndex(({ envelope }) => envelope.serviceMethod.endsWith(`.${method}`))
    const [found] = left.splice(index, 1)
    if (!found || index < 0) throw new Error(`${method} was not recorded`)
    if (found.envelope.error) throw new Error(found.envelope.error)
    return METHODS[method].reply.decode(found.body)
  })
}

for (const how of CHUNKINGS)
  t.test(`clients that were recorded get from us what they got then, in chunks: ${how}`, async (t) => {
    for (const { name, client: sent, server: answered } of readCaptures()) {
      const answers = decodeAll(answered)
      if (answers.length === 0) continue
      const { address } = await served(t, recorded(answers))
      const client = await RawClient.greeted(t, address)
      for (const chunk of inChunks(sent, how, 11)) await client.send(chunk)
      await client.until(() => client.answers.length === answers.length)
      t.strictSame(bySequence(client.answers), bySequence(answers), name)
    }
  })

const FLAGS: readonly PluginFlag[] = [
  { kind: 'string', name: 'x-token', usage: 'A token', envVar: 'X_TOKEN', value: 'ü' },
  { kind: 'int', name: 'x-size', usage: '', envVar: '', value: -3 },
  { kind: 'int', name: 'x-zero', usage: '', envVar: '', value: 0 },
  { kind: 'stringSlice', name: 'x-tags', usage: '', envVar: '', value: ['a', ''] },
  { kind: 'stringSlice', name: 'x-none', usage: '', envVar: '', value: [] },
  { kind: 'bool', name: 'x-fast', usage: 'Fast', envVar: '' },
]

t.test('our client gets what our server is given, and the other way round', async (t) => {
  const replies: Partial<Record<PluginMethod, unknown>> = {
    GetVersion: 1,
    GetState: 0,
    GetCreateFlags: FLAGS,
    GetConfigRaw: '{"A":"ü"}',
    GetURL: '',
  }
  const given: unknown[] = []
  const onCall = (method: PluginMethod): void => void given.push(method)
  const handlers = handledBy(async (method, argument) => {
    if (argument !== undefined) given.push(argument)
    return replies[method]
  })
  const client = await connected(t, await served(t, handlers, { onCall }))
  t.equal(await client.call('GetVersion', undefined, LONG), 1)
  t.equal(await client.call('GetState', undefined, LONG), 0)
  t.strictSame(await client.call('GetCreateFlags', undefined, LONG), FLAGS)
  t.equal(await client.call('GetConfigRaw', undefined, LONG), '{"A":"ü"}')
  t.equal(await client.call('GetURL', undefined, LONG), '')
  const values = { a: 'x', b: true, c: false, n: { int: -5 }, l: ['p', ''], e: [], ['__proto__']: 'own' }
  await client.call('SetConfigFromFlags', values, LONG)
  await client.call('SetConfigFromFlags', {}, LONG)
  await client.call('SetConfigRaw', '', LONG)
  await client.call('Heartbeat', undefined, LONG)
  t.strictSame(given.slice(5), [
    'SetConfigFromFlags',
    values,
    'SetConfigFromFlags',
    {},
    'SetConfigRaw',
    '',
    'Heartbeat',
  ])
})

t.test('a long call holds nobody up, on its own connection or another', async (t) => {
  let finish = (): void => undefined
  const created = new Promise<void>((resolve) => (finish = resolve))
  const stand = await served(
    t,
    handledBy(async (method) => {
      if (method === 'Create') await created
      return method === 'GetSSHPort' ? 22 : undefined
    }),
  )
  const [first, second] = [await connected(t, stand), await connected(t, stand)]
  const create = first.call('Create', undefined, LONG)
  await first.call('Heartbeat', undefined, LONG)
  t.equal(await second.call('GetSSHPort', undefined, LONG), 22)
  finish()
  t.equal(await create, undefined)
})

t.test('an error is answered with its text, and one without text with some', async (t) => {
  const handlers = handledBy(async (method) => {
    throw new Error(method === 'GetURL' ? 'Host is not running' : '')
  })
  const client = await connected(t, await served(t, handlers))
  await t.rejects(client.call('GetURL', undefined, LONG), {
    name: 'PluginError',
    message: 'Host is not running',
  })
  await t.rejects(client.call('Kill', undefined, LONG), { name: 'PluginError', message: 'unknown error' })
})

t.test('a reply that is not of its type is told as an error', async (t) => {
  const client = await connected(
    t,
    await served(
      t,
      handledBy(async () => 1.5),
    ),
  )
  await t.rejects(client.call('GetState', undefined, LONG), { message: /no whole number/ })
  await t.rejects(client.call('GetURL', undefined, LONG), { message: /no string/ })
})

t.test('calls that there are not are refused in the words of Go, and the connection goes on', async (t) => {
  const { address } = await served(
    t,
    handledBy(async () => 1),
  )
  const client = await RawClient.greeted(t, address)
  const names = ['RPCServerDriver.Upgrade', 'Other.GetVersion', 'GetVersion', 'RpcServerDriver.GetVersion']
  await client.send(ENCODER.definitions())
  for (const [sequence, name] of names.entries()) await client.send(request(name, sequence))
  await client.until(() => client.answers.length === names.length)
  t.strictSame(
    client.answers.map(({ envelope }) => envelope.error),
    [
      "rpc: can't find method RPCServerDriver.Upgrade",
      "rpc: can't find service Other.GetVersion",
      'rpc: service/method request ill-formed: GetVersion',
      '',
    ],
  )
})

t.test('no gob is sent before the first call', async (t) => {
  const { address } = await served(
    t,
    handledBy(async () => 1),
  )
  const client = await RawClient.greeted(t, address)
  await client.send(ENCODER.definitions())
  const other = await RawClient.greeted(t, address)
  await other.send(Buffer.concat([ENCODER.definitions(), request('RPCServerDriver.GetVersion', 0)]))
  await other.until(() => other.answers.length === 1)
  t.equal(client.text, CONNECT_REPLY)
})

t.test('whoever does not greet with CONNECT is refused and never listened to', async (t) => {
  let calls = 0
  const { address } = await served(
    t,
    handledBy(async () => ++calls),
  )
  const client = await RawClient.connect(t, address)
  await client.send('POST /_goRPC_ HTTP/1.0\r\n\r\n')
  await client.send(Buffer.concat([ENCODER.definitions(), request('RPCServerDriver.GetVersion', 0)]))
  await client.until(() => client.isClosed)
  t.match(client.text, /^HTTP\/1.0 405 /)
  t.equal(calls, 0)
})

t.test('a hostile client ends its own connection only', async (t) => {
  const stand = await served(
    t,
    handledBy(async () => 1),
  )
  const honest = await connected(t, stand)
  for (const bytes of ['\x01\x05', 'x'.repeat(300), '\xf8\x7f\xff\xff\xff\xff\xff\xff\xff', '\x00']) {
    const hostile = await RawClient.greeted(t, stand.address)
    await hostile.send(Buffer.from(bytes, 'latin1'))
    await hostile.until(() => hostile.isClosed)
  }
  t.equal(await honest.call('GetVersion', undefined, LONG), 1)
})

t.test('a call whose number is none ends its own connection only', async (t) => {
  const stand = await served(
    t,
    handledBy(async () => 1),
  )
  const honest = await connected(t, stand)
  const fields: [string, number][] = [
    ['ServiceMethod', ID.string],
    ['Seq', ID.float],
  ]
  const types = new Map([
    ...CLIENT_SCHEMA.types,
    [TYPE.envelope, { kind: 'struct', name: 'Request', fields }],
  ])
  const odd = new GobEncoder({ types, registered: new Map() })
  for (const sequence of [1.5, NaN, -1, 1e300]) {
    const hostile = await RawClient.greeted(t, stand.address)
    const values = new Map<string, GobValue>([
      ['ServiceMethod', 'RPCServerDriver.GetVersion'],
      ['Seq', sequence],
    ])
    await hostile.send(
      Buffer.concat([
        odd.definitions(),
        odd.value(TYPE.envelope, new GobStruct('', values)),
        odd.value(TYPE.empty, new GobStruct('')),
      ]),
    )
    await hostile.until(() => hostile.isClosed)
  }
  t.equal(await honest.call('GetVersion', undefined, LONG), 1)
})

t.test('a client that does not read its answers is not read either, until it does', async (t) => {
  const CALLS = 2_000
  const config = 'x'.repeat(100_000)
  let carriedOut = 0
  const handlers = handledBy(async () => {
    carriedOut++
    return config
  })
  const { address } = await served(t, handlers)
  const client = await RawClient.greeted(t, address)
  client.socket.pause()
  const all = Array.from({ length: CALLS }, (_, index) => request('RPCServerDriver.GetConfigRaw', index))
  void client.send(Buffer.concat([ENCODER.definitions(), ...all]))
  await client.until(() => carriedOut > 0)
  const other = await RpcPluginClient.connect(address, LONG)
  for (let turn = 0; turn < 50; turn++) await other.call('GetConfigRaw', undefined, LONG)
  other.close()
  t.ok(carriedOut < CALLS / 2, `${carriedOut} calls were carried out`)
  let bytes = 0
  client.socket.removeAllListeners('data').on('data', (chunk: Buffer) => (bytes += chunk.length))
  client.socket.resume()
  await client.until(() => bytes > CALLS * config.length)
  t.equal(carriedOut, CALLS + 50)
})

t.test('closing answers the calls that are under way, and then nobody is served', async (t) => {
  let closed: Promise<void> | undefined
  const stand: Served = await served(
    t,
    handledBy(async (method) => {
      if (method === 'Close') closed = stand.server.close()
      return undefined
    }),
  )
  const client = await connected(t, stand)
  // A client keeps no process alive, and the server is about to be gone.
  const awake = setInterval(() => undefined, 60_000)
  t.teardown(() => clearInterval(awake))
  await client.call('Close', undefined, LONG)
  await client.closed
  await closed
  await t.rejects(RpcPluginClient.connect(stand.address, LONG), { code: 'driver' })
})
