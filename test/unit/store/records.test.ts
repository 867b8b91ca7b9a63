import t from 'tap'
import type { HostRecordV3 } from '../../../src/contracts/record.js'
import { factory as generic } from '../../../src/drivers/generic/index.js'
import { factory as none } from '../../../src/drivers/none/index.js'
import { formatHostRecord } from '../../../src/store/go-json.js'
import { maskChoices, maskSecrets } from '../../../src/store/mask.js'
import {
  adoptHostRecord,
  currentLedger,
  ledgerFromHostRecord,
  newHostRecord,
  projectConfig,
} from '../../../src/store/records.js'
import { parseHostRecord, parseLedger } from '../../../src/store/schema.js'
import { dockerMachineRecord, firstFiles, machineOptions, testMapping } from '../../helpers/records.js'

function parsed(text: string): HostRecordV3 {
  const result = parseHostRecord(text, { name: 'web', dir: '/s/machines/web', root: '/s' })
  if ('fault' in result) throw new Error(result.fault)
  return result.value
}

t.test('a new record is, byte for byte, what docker-machine writes', (t) => {
  const record = newHostRecord({
    name: 'plain',
    store: '/home/alice/.docker/machine',
    driverName: 'none',
    driverFields: none.record.toFields({ url: 'tcp://192.0.2.10:2376' }, []),
    options: machineOptions(),
  })
  t.equal(formatHostRecord(record), dockerMachineRecord('none'))
  t.end()
})

t.test("docker-machine's records pass through our reader and writer unchanged", (t) => {
  for (const driver of ['none', 'generic'] as const)
    t.equal(formatHostRecord(parsed(dockerMachineRecord(driver))), dockerMachineRecord(driver))
  t.end()
})

t.test('text is escaped as Go escapes it', (t) => {
  const { config } = firstFiles('/s', 'web', 'a<b>&\u2028"\\')
  const text = formatHostRecord(config)
  t.match(text, '"IPAddress": "a\\u003cb\\u003e\\u0026\\u2028\\"\\\\"')
  t.strictSame(parsed(text), config)
  t.end()
})

t.test('the top level has the order of docker-machine wherever the record came from', (t) => {
  const { ConfigVersion, ...rest } = parsed(dockerMachineRecord('none'))
  t.equal(formatHostRecord({ ...rest, ConfigVersion }), dockerMachineRecord('none'))
  t.end()
})

t.test('absent keys are read as zero values, null as an empty list', (t) => {
  const record = parsed(
    '{"ConfigVersion":3,"Driver":{},"DriverName":"none","HostOptions":{"EngineOptions":{"Labels":null}}}',
  )
  t.match(record.HostOptions, {
    EngineOptions: { Labels: null, Env: null, InstallURL: '' },
    AuthOptions: { StorePath: '' },
  })
  t.strictSame(ledgerFromHostRecord(record, testMapping).options, machineOptions())
  t.end()
})

t.test('a generic machine of docker-machine gives a complete ledger', (t) => {
  const ledger = ledgerFromHostRecord(parsed(dockerMachineRecord('generic')), generic.record)
  t.match(ledger, {
    phase: 'ready',
    hostKeys: undefined,
    driver: { name: 'generic', config: { ipAddress: '127.0.0.1', sshPort: 22922, enginePort: 23976 } },
    ssh: { user: 'root', keyPath: '/home/alice/.docker/machine/machines/gen/id_rsa.key' },
    options: {
      engine: {
        installUrl: undefined,
        opts: ['log-driver=journald'],
        env: ['HTTP_PROXY=http://proxy:3128'],
        insecureRegistries: ['reg:5000'],
        labels: ['zone=a'],
        registryMirrors: ['https://mirror.example'],
      },
      tlsSans: ['web.example'],
    },
  })
  t.ok('value' in parseLedger(JSON.stringify(ledger)), 'it is a ledger that can be written and read again')
  t.equal(
    ledger.machineId,
    ledgerFromHostRecord(parsed(dockerMachineRecord('generic')), generic.record).machineId,
  )
  t.end()
})

t.test('projecting that ledger gives the record back unchanged', (t) => {
  const record = parsed(dockerMachineRecord('generic'))
  const ledger = ledgerFromHostRecord(record, generic.record)
  t.equal(formatHostRecord(projectConfig(ledger, record, generic.record)), dockerMachineRecord('generic'))
  t.end()
})

t.test("docker-machine's default of InstallURL means that nobody chose one", (t) => {
  const record = parsed(dockerMachineRecord('generic'))
  const chosen = parsed(
    dockerMachineRecord('generic').replace('https://get.docker.com', 'https://install.example'),
  )
  t.equal(ledgerFromHostRecord(record, generic.record).options.engine.installUrl, undefined)
  t.equal(ledgerFromHostRecord(chosen, generic.record).options.engine.installUrl, 'https://install.example')
  t.end()
})

t.test('where the record names no key: id_rsa of the machine, except for drivers that have none', (t) => {
  const withDriver = (name: string): HostRecordV3 => {
    const record = parsed(dockerMachineRecord('generic'))
    return { ...record, DriverName: name, Driver: { ...record.Driver, SSHKeyPath: '' } }
  }
  t.strictSame(ledgerFromHostRecord(withDriver('virtualbox'), testMapping).ssh, {
    user: 'root',
    keyPath: '/home/alice/.docker/machine/machines/gen/id_rsa',
  })
  t.strictSame(ledgerFromHostRecord(withDriver('generic'), generic.record).ssh, { user: 'root' })
  t.end()
})

t.test('a foreign change is taken over for v3 fields and for nothing else', (t) => {
  const { ledger, config } = firstFiles('/s', 'web')
  const ours = {
    ...ledger,
    phase: 'ready' as const,
    hostKeys: { source: 'given' as const, current: 'ssh-ed25519 AAAA', rotated: true },
    dockerContext: 'web',
    options: machineOptions({ registryCas: { 'reg:5000': 'PEM' } }),
  }
  const foreign = { ...config, Driver: { ...config.Driver, IPAddress: '198.51.100.1' } }
  const adopted = adoptHostRecord(ours, foreign, testMapping)
  t.strictSame(adopted, { ...ours, driver: { name: 'fake', config: { ip: '198.51.100.1', ours: 'only' } } })
  t.equal(currentLedger({ name: 'web', dir: '/d', config, ledger: ours }, testMapping), ours)
  t.strictSame(
    currentLedger({ name: 'web', dir: '/d', config: foreign, ledger: ours, foreign: true }, testMapping),
    adopted,
  )
  t.end()
})

t.test('secrets in a record are masked, those of docker-machine too, and nothing else is', (t) => {
  const { config } = firstFiles('/s', 'web')
  const secret = {
    AccessToken: 'a',
    SecretKey: 'b',
    SessionToken: 'c',
    Password: 'd',
    ClientSecret: 'e',
    APIKey: 'f',
    ApiSecretKey: 'g',
    SSHPassword: 'h',
    api_key: 'i',
    OwnName: 'j',
    Nested: { Password: 'k', List: [{ Token: 'l' }] },
    EmptyPassword: '',
  }
  const clear = {
    AccessKey: 'AKIA',
    SSHKeyPath: '/k',
    SSHKey: '/home/a/key',
    KeyPairName: 'pair',
    PrivateKeyFile: '/p',
    Region: 'r',
    SecurityGroups: ['s'],
    DropletID: 7,
    InsecureTransport: false,
  }
  const masked = maskSecrets({ ...config, Driver: { ...secret, ...clear } }, ['ownName'])
  t.strictSame(masked.Driver, {
    ...Object.fromEntries(Object.keys(secret).map((key) => [key, '[secret]'])),
    Nested: { Password: '[secret]', List: [{ Token: '[secret]' }] },
    EmptyPassword: '',
    ...clear,
  })
  t.strictSame({ ...masked, Driver: {} }, { ...config, Driver: {} })
  t.end()
})

t.test('engine choices are shown without passwords, whatever else they hold', async (t) => {
  const choices = {
    env: ['HTTPS_PROXY=http://me:pw@proxy:3128/x', 'API_TOKEN=abc', 'LANG=C', 'EMPTY_TOKEN='],
    opts: ['http-proxy=http://a:b@c', 'debug', 'label=mail=a@b'],
    mirrors: ['https://user@mirror'],
  }
  t.strictSame(maskChoices(choices), {
    env: ['HTTPS_PROXY=http://[secret]@proxy:3128/x', 'API_TOKEN=[secret]', 'LANG=C', 'EMPTY_TOKEN='],
    opts: ['http-proxy=http://[secret]@c', 'debug', 'label=mail=a@b'],
    mirrors: ['https://[secret]@mirror'],
  })
})
