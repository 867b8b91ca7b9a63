import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { HostRecordV3 } from '../../../src/contracts/record.js'
import { parseHostRecord } from '../../../src/store/schema.js'
import { Store } from '../../../src/store/store.js'
import { dockerMachineRecord, testMapping, withIp } from '../../helpers/records.js'

type Fields = Record<string, unknown>

const PLACE = { name: 'old', dir: '/s/machines/old', root: '/s' }
const DRIVER = { MachineName: 'old', IPAddress: '192.0.2.7', SSHUser: 'docker', SSHPort: 53507, Memory: 1024 }
const CERTS = {
  CaCertPath: '/s/certs/ca.pem',
  ServerCertPath: '/s/machines/old/server.pem',
  ServerKeyPath: '/s/machines/old/server-key.pem',
  ClientCertPath: '/s/certs/cert.pem',
  ClientKeyPath: '/s/certs/key.pem',
}
const ENGINE_V1 = {
  ArbitraryFlags: null,
  InsecureRegistry: ['reg:5000'],
  Labels: ['zone=a'],
  TlsCaCert: '',
  TlsVerify: false,
  InstallURL: '',
}

/** Everything at the top, besides it host options that docker-machine drops. */
const V0: Fields = {
  DriverName: 'virtualbox',
  Driver: DRIVER,
  StorePath: '/s/machines/old',
  ...CERTS,
  PrivateKeyPath: '/s/certs/ca-key.pem',
  SwarmMaster: true,
  SwarmHost: 'tcp://0.0.0.0:3376',
  SwarmDiscovery: 'token://abc',
  HostOptions: { EngineOptions: ENGINE_V1, SwarmOptions: {}, AuthOptions: {} },
}
const V1: Fields = {
  ConfigVersion: 1,
  DriverName: 'virtualbox',
  Driver: DRIVER,
  HostOptions: {
    EngineOptions: { ...ENGINE_V1, InstallURL: 'https://mirror.example/install' },
    SwarmOptions: { IsSwarm: false, Host: 'tcp://0.0.0.0:3376', TlsKey: '' },
    AuthOptions: { StorePath: '', ...CERTS, PrivateKeyPath: '/s/certs/ca-key.pem' },
  },
  StorePath: '/s/machines/old',
}

function v2(): Fields {
  const { Driver, ...record } = JSON.parse(dockerMachineRecord('none').replaceAll('plain', 'old')) as Fields
  const { StorePath: _later, ...driver } = Driver as Fields
  return { ...record, ConfigVersion: 2, Driver: driver }
}

function lifted(old: Fields): HostRecordV3 {
  const parsed = parseHostRecord(JSON.stringify(old), PLACE)
  if ('fault' in parsed) throw new Error(parsed.fault)
  return parsed.value
}

const AUTH = {
  CertDir: '/s/certs',
  CaPrivateKeyPath: '/s/certs/ca-key.pem',
  StorePath: '/s/machines/old',
  ...CERTS,
  CaCertRemotePath: '',
}

t.test(
  'version 0: paths and swarm fields move from the top into the host options, the user keeps engine choices',
  (t) => {
    const record = lifted(V0)
    t.match(record, {
      ConfigVersion: 3,
      Name: 'old',
      DriverName: 'virtualbox',
      Driver: { ...DRIVER, StorePath: '/s' },
      HostOptions: {
        EngineOptions: {
          TlsVerify: true,
          InstallURL: 'https://get.docker.com',
          Labels: ['zone=a'],
          InsecureRegistry: ['reg:5000'],
        },
        SwarmOptions: { Master: true, Host: 'tcp://0.0.0.0:3376', Discovery: 'token://abc', IsSwarm: false },
        AuthOptions: AUTH,
      },
    })
    t.notOk('TlsCaCert' in record.HostOptions.EngineOptions)
    t.end()
  },
)

t.test('version 1: the CA key gets its name, the machine keeps its directory', (t) => {
  const record = lifted(V1)
  t.match(record.HostOptions, {
    EngineOptions: { InstallURL: 'https://mirror.example/install', Labels: ['zone=a'], TlsVerify: false },
    SwarmOptions: { Host: 'tcp://0.0.0.0:3376', Image: '', Env: null },
    AuthOptions: AUTH,
  })
  t.notOk('TlsKey' in record.HostOptions.SwarmOptions)
  t.equal(record.Driver['StorePath'], '/s')
  t.end()
})

t.test('version 2: the driver learns the root of the store, with and without a path at the top', (t) => {
  const place = { name: 'old', dir: '/elsewhere/machines/old', root: '/elsewhere' }
  const parsed = parseHostRecord(JSON.stringify(v2()), place)
  t.match(parsed, { value: { Driver: { StorePath: '/home/alice/.docker/machine', URL: /^tcp/ } } })
  const auth = { ...(v2()['HostOptions'] as Fields), AuthOptions: {} }
  const bare = parseHostRecord(JSON.stringify({ ...v2(), HostOptions: auth }), place)
  t.match(bare, {
    value: {
      Driver: { StorePath: '/elsewhere' },
      HostOptions: { AuthOptions: { CertDir: '/elsewhere/certs', StorePath: '/elsewhere/machines/old' } },
    },
  })
  t.end()
})

t.test('an old record without any options is lifted to the usual ones', (t) => {
  t.match(lifted({ DriverName: 'none', Driver: {} }).HostOptions, {
    EngineOptions: { InstallURL: 'https://get.docker.com', TlsVerify: true },
    AuthOptions: AUTH,
  })
  t.end()
})

function storeWith(t: Test, text: string): { store: Store; dir: string } {
  const store = new Store(t.testdir())
  const dir = store.dir('old')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  writeFileSync(join(dir, 'config.json'), text, { mode: 0o600 })
  return { store, dir }
}

t.test('readers write nothing; the first writer keeps the old text beside the new record', async (t) => {
  const old = JSON.stringify({ ...V1, Driver: { ...DRIVER, Ticket: 9007199254740993 } }).replace(
    '9007199254740992',
    '9007199254740993',
  )
  const { store, dir } = storeWith(t, old)
  t.equal(store.get('old').config.ConfigVersion, 3)
  t.strictSame(readdirSync(dir), ['config.json'])
  t.equal(readFileSync(join(dir, 'config.json'), 'utf8'), old)
  await store.update('old', testMapping, withIp('192.0.2.8'))
  t.equal(readFileSync(join(dir, 'config.json.bak'), 'utf8'), old)
  const text = readFileSync(join(dir, 'config.json'), 'utf8')
  t.match(text, '"ConfigVersion": 3,')
  t.match(text, '"IPAddress": "192.0.2.8"')
  t.match(text, '"Ticket": 9007199254740993', 'a number that JavaScript cannot hold keeps its digits')
  await store.update('old', testMapping, withIp('192.0.2.9'))
  t.equal(readFileSync(join(dir, 'config.json.bak'), 'utf8'), old, 'later writers keep that copy')
  t.match(readFileSync(join(dir, 'config.json'), 'utf8'), '"Ticket": 9007199254740993')
})

t.test('a record of the future is an error that leaves the file alone', async (t) => {
  const text = JSON.stringify({ ...V1, ConfigVersion: 4 })
  const { store, dir } = storeWith(t, text)
  t.match(store.read('old'), { error: /version 4: config version is from the future -- you should upgrade/ })
  await t.rejects(store.update('old', testMapping, withIp('192.0.2.8')), { code: 'store' })
  t.strictSame(readdirSync(dir), ['config.json'])
  t.equal(readFileSync(join(dir, 'config.json'), 'utf8'), text)
})

t.test('numbers keep their digits only as long as they are the same', async (t) => {
  const text = dockerMachineRecord('none')
    .replaceAll('plain', 'old')
    .replace(
      '"SSHPort": 0',
      '"Big": 12345678901234567890, "Exp": 1e3, "List": [1, 9007199254740993], "SSHPort": 0',
    )
  const { store, dir } = storeWith(t, text)
  await store.update('old', testMapping, (ledger) => ledger)
  const written = (): string => readFileSync(join(dir, 'config.json'), 'utf8')
  t.match(written(), /"Big": 12345678901234567890,\n +"Exp": 1e3,\n +"List": \[\n +1,\n +9007199254740993\n/)
  const other = { ...testMapping, toFields: () => ({ Big: 5 }) }
  await store.update('old', other, (ledger) => ledger)
  t.match(written(), '"Big": 5,')
})
