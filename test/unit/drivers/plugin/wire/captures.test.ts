import t from 'tap'
import { METHODS } from '../../../../../src/drivers/plugin/wire/codecs.js'
import { GobDecoder } from '../../../../../src/drivers/plugin/wire/gob/decoder.js'
import type { GobValue } from '../../../../../src/drivers/plugin/wire/gob/values.js'
import { type Envelope, Pairs } from '../../../../../src/drivers/plugin/wire/net-rpc.js'
import type { PluginFlag } from '../../../../../src/drivers/plugin/wire/plugin-api.js'
import { CHUNKINGS, inChunks, readCaptures } from '../../../../helpers/gob-captures.js'
import { isPluginMethod } from '../../../../helpers/plugin-handlers.js'

const CAPTURES = readCaptures()

/** Every envelope of one direction with what came after it. */
function decode(chunks: readonly Buffer[]): { envelope: Envelope; body: GobValue }[] {
  const decoder = new GobDecoder()
  const pairs = new Pairs()
  return chunks.flatMap((chunk) => [...decoder.push(chunk)].flatMap((value) => pairs.push(value) ?? []))
}

/** A reply in the words of the capture's comments. */
function asTold(method: string, body: GobValue): unknown {
  if (!isPluginMethod(method)) return undefined
  const reply = METHODS[method].reply.decode(body)
  if (method === 'GetConfigRaw' && typeof reply === 'string') return JSON.parse(reply)
  return Array.isArray(reply) ? reply.map(flagAsTold) : reply
}

function flagAsTold(flag: PluginFlag): unknown {
  const { name: Name, usage: Usage, envVar: EnvVar } = flag
  if (flag.kind === 'bool') return { Name, Usage, EnvVar }
  const isEmptyList = Array.isArray(flag.value) && flag.value.length === 0
  return { Name, Usage, EnvVar, Value: isEmptyList ? null : flag.value }
}

t.test('there is a capture of every kind', async (t) => {
  t.equal(CAPTURES.length, 22)
  t.ok(CAPTURES.every(({ calls, name }) => calls.length > 0 || /^2[02]-/.test(name)))
})

for (const how of CHUNKINGS)
  t.test(`every reply is decoded as Go decoded it, in chunks: ${how}`, async (t) => {
    for (const { name, server, calls } of CAPTURES.filter(({ calls }) => calls.length > 0)) {
      const replies = decode(inChunks(server, how))
      const seen = replies.map(({ envelope, body }) => {
        const method = envelope.serviceMethod.split('.')[1] ?? ''
        const { error } = envelope
        return { method, error, value: error ? undefined : asTold(method, body) }
      })
      const told = calls.map((call) => (call.error ? { ...call, value: undefined } : call))
      t.strictSame(seen.map(sorted), told.map(sorted), name)
      t.strictSame(
        replies.map(({ envelope }) => envelope.sequence),
        calls.map((_call, index) => index),
        name,
      )
    }
  })

function sorted(call: { method: string; error: string; value: unknown }): unknown {
  return [call.method, call.error, call.value]
}

/** The arguments that are more than an empty struct, by file and number of the call. */
const ARGUMENTS: Readonly<Record<string, unknown>> = {
  '08-setconfigfromflags.txt 0': {
    'generic-engine-port': { int: 2376 },
    'generic-ip-address': '192.0.2.10',
    'generic-ssh-user': 'root',
    'generic-ssh-key': '',
    'generic-ssh-port': { int: 22 },
  },
  '09-setconfigfromflags-error.txt 0': {
    'generic-engine-port': { int: 2376 },
    'generic-ip-address': '',
    'generic-ssh-user': 'root',
    'generic-ssh-key': '',
    'generic-ssh-port': { int: 22 },
    'engine-label': ['a=b', 'c=d'],
    'tls-san': [],
    swarm: false,
    'swarm-master': true,
  },
  '21-session-none.txt 1': '{"MachineName":"seq1","StorePath":"/s"}',
  '21-session-none.txt 5': { url: 'tcp://192.0.2.7:2376' },
  '21-session-none.txt 6': { url: 'tcp://192.0.2.8:2376' },
  '22-session-real-client-create-generic.txt 6': {
    'swarm-image': 'swarm:latest',
    'generic-ip-address': '127.0.0.1',
    'generic-ssh-key': '/home/alice/id_rsa.key',
    'swarm-host': 'tcp://0.0.0.0:3376',
    'engine-install-url': 'https://get.docker.com',
    swarm: false,
    'swarm-experimental': false,
    'engine-storage-driver': '',
    'swarm-discovery': '',
    'swarm-strategy': 'spread',
    driver: 'cap',
    'swarm-addr': '',
    'swarm-master': false,
    'generic-engine-port': { int: 23976 },
    'generic-ssh-user': 'root',
    'generic-ssh-port': { int: 22922 },
  },
}

for (const how of CHUNKINGS)
  t.test(`every request is decoded as the client meant it, in chunks: ${how}`, async (t) => {
    const left = new Set(Object.keys(ARGUMENTS))
    for (const { name, client, calls } of CAPTURES)
      for (const { envelope, body } of decode(inChunks(client, how))) {
        const [service, method = ''] = envelope.serviceMethod.split('.')
        const key = `${name} ${envelope.sequence}`
        t.equal(service, name.startsWith('02') ? 'RpcServerDriver' : 'RPCServerDriver')
        if (calls.length > 0) t.equal(method, calls[envelope.sequence]?.method, key)
        if (!left.delete(key) || !isPluginMethod(method)) continue
        t.strictSame(METHODS[method].argument.decode(body), ARGUMENTS[key], key)
      }
    t.strictSame([...left], [], 'all of them were seen')
  })

t.test('a whole create of docker-machine is decoded on both sides', async (t) => {
  const session = CAPTURES.find(({ name }) => name.startsWith('22-'))
  const requests = decode([session?.client ?? Buffer.alloc(0)])
  const replies = decode([session?.server ?? Buffer.alloc(0)])
  t.equal(requests.length, 118)
  const name = ({ envelope }: { envelope: Envelope }): string => envelope.serviceMethod
  t.strictSame(replies.map(name).sort(), requests.map(name).sort())
  t.strictSame(
    replies.filter(({ envelope }) => envelope.error !== ''),
    [],
  )
  t.equal(asTold('GetURL', replies[115]?.body ?? null), 'tcp://127.0.0.1:23976')
})
