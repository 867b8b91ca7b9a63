import t from 'tap'
import { flagSpec, pluginValues } from '../../../../src/drivers/plugin/flags.js'
import { secretKeys } from '../../../../src/drivers/plugin/secret-keys.js'
import type { PluginFlag } from '../../../../src/drivers/plugin/wire/plugin-api.js'

const FLAGS: readonly PluginFlag[] = [
  { kind: 'string', name: 'acme-token', usage: 'Token', envVar: 'ACME_TOKEN', value: '' },
  { kind: 'string', name: 'acme-size', usage: 'Size', envVar: '', value: 'small' },
  { kind: 'int', name: 'acme-cpus', usage: 'Processors', envVar: 'ACME_CPUS', value: 2 },
  { kind: 'stringSlice', name: 'acme-tag', usage: 'Tag', envVar: '', value: ['a'] },
  { kind: 'bool', name: 'acme-private', usage: 'Private', envVar: '' },
]
const OURS = FLAGS.map(flagSpec)

t.test('each kind of flag is one of ours, with variable and default', async (t) => {
  t.match(OURS, [
    { name: 'acme-token', key: 'acme-token', type: 'string', env: 'ACME_TOKEN', summary: 'Token' },
    { type: 'string', default: 'small' },
    { type: 'integer', default: 2 },
    { type: 'list', default: ['a'] },
    { type: 'boolean' },
  ])
  t.notHas(OURS[1], 'env')
  t.notHas(OURS[4], 'default')
})

t.test('every flag is sent in its exact type, also those that nobody gave', async (t) => {
  const values = pluginValues(
    'acme',
    OURS,
    { 'acme-cpus': 4, 'acme-private': true, 'acme-size': 'big' },
    undefined,
  )
  t.match(values, {
    'acme-cpus': { int: 4 },
    'acme-private': true,
    'acme-size': 'big',
    'acme-token': '',
    'acme-tag': [],
    driver: 'acme',
  })
})

t.test('docker-machine’s shared flags are sent too, lists only where one was given', async (t) => {
  const none = pluginValues('acme', [], {}, undefined)
  t.same(none, {
    driver: 'acme',
    'engine-install-url': 'https://get.docker.com',
    'engine-storage-driver': '',
    swarm: false,
    'swarm-master': false,
    'swarm-discovery': '',
    'swarm-addr': '',
    'swarm-host': 'tcp://0.0.0.0:3376',
    'swarm-image': 'swarm:latest',
    'swarm-strategy': 'spread',
    'swarm-experimental': false,
  })
  const engine = {
    opts: ['log-level=debug'],
    labels: ['a=b'],
    insecureRegistries: [],
    registryMirrors: [],
    env: [],
    registryCas: {},
    storageDriver: 'overlay2',
  }
  t.match(pluginValues('acme', [], {}, { engine, tlsSans: ['x.example'] }), {
    'engine-opt': ['log-level=debug'],
    'engine-label': ['a=b'],
    'tls-san': ['x.example'],
    'engine-storage-driver': 'overlay2',
  })
})

t.test('fields that hold what a flag with a secret’s name was given are known, however deep', async (t) => {
  const state = { Key: 'hidden-value', Nested: { List: [{ Inner: 'hidden-value' }] }, Size: 'small' }
  t.same(secretKeys(state, OURS, { 'acme-token': 'hidden-value', 'acme-size': 'small' }), ['Key', 'Inner'])
  t.same(secretKeys(state, OURS, { 'acme-token': '', 'acme-size': 'small' }), [])
  t.same(secretKeys({ A: 'abc' }, OURS, { 'acme-token': 'abc' }), [], 'too short to tell')
})
