import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DriverFactory, FlagValues } from '../../../src/contracts/driver.js'
import { absentFactory } from '../../../src/drivers/absent/index.js'
import { driverNames, loadFactory } from '../../../src/drivers/registry.js'
import { newHostRecord, newLedger } from '../../../src/store/records.js'
import { parseHostRecord } from '../../../src/store/schema.js'
import { Store } from '../../../src/store/store.js'
import { recordFaults } from '../../helpers/record-schema.js'
import { dockerMachineRecord, driverRecord, machineOptions, recordedDrivers } from '../../helpers/records.js'

const ALICE = '/home/alice/.docker/machine'

/** What each driver of ours writes besides the base fields: names and types of docker-machine's driver of that name. */
const OWN_FIELDS = {
  amazonec2: {
    Id: 'string',
    AccessKey: 'string',
    SecretKey: 'string',
    SessionToken: 'string',
    Region: 'string',
    AMI: 'string',
    SSHKeyID: 'int',
    ExistingKey: 'bool',
    KeyName: 'string',
    InstanceId: 'string',
    InstanceType: 'string',
    PrivateIPAddress: 'string',
    SecurityGroupId: 'string',
    SecurityGroupIds: 'strings',
    SecurityGroupName: 'string',
    SecurityGroupNames: 'strings',
    SecurityGroupReadOnly: 'bool',
    OpenPorts: 'strings',
    Tags: 'string',
    ReservationId: 'string',
    DeviceName: 'string',
    RootSize: 'int',
    VolumeType: 'string',
    IamInstanceProfile: 'string',
    VpcId: 'string',
    SubnetId: 'string',
    Zone: 'string',
    RequestSpotInstance: 'bool',
    SpotPrice: 'string',
    BlockDurationMinutes: 'int',
    PrivateIPOnly: 'bool',
    UsePrivateIP: 'bool',
    UseEbsOptimizedInstance: 'bool',
    Monitoring: 'bool',
    SSHPrivateKeyPath: 'string',
    RetryCount: 'int',
    Endpoint: 'string',
    DisableSSL: 'bool',
    UserDataFile: 'string',
  },
  digitalocean: {
    AccessToken: 'string',
    DropletID: 'int',
    DropletName: 'string',
    Image: 'string',
    Region: 'string',
    SSHKeyID: 'int',
    SSHKeyFingerprint: 'string',
    SSHKey: 'string',
    Size: 'string',
    IPv6: 'bool',
    Backups: 'bool',
    PrivateNetworking: 'bool',
    UserDataFile: 'string',
    Monitoring: 'bool',
    Tags: 'string',
  },
  hetzner: {
    AccessToken: 'string',
    Image: 'string',
    ImageID: 'int',
    ImageArch: 'string',
    Type: 'string',
    Location: 'string',
    KeyID: 'int',
    IsExistingKey: 'bool',
    ServerID: 'int',
    Volumes: 'strings',
    Networks: 'strings',
    UsePrivateNetwork: 'bool',
    DisablePublic4: 'bool',
    DisablePublic6: 'bool',
    PrimaryIPv4: 'string',
    PrimaryIPv6: 'string',
    Firewalls: 'strings',
    ServerLabels: {},
    AdditionalKeys: 'strings',
    AdditionalKeyIDs: 'strings',
    WaitOnError: 'int',
    WaitOnPolling: 'int',
    WaitForRunningTimeout: 'int',
  },
  none: { URL: 'string' },
  generic: { EnginePort: 'int', SSHKey: 'string' },
  qemu: {
    Memory: 'int',
    CPU: 'int',
    DiskSize: 'int',
    Network: 'string',
    Program: 'string',
    Boot2DockerURL: 'string',
    EnginePort: 'int',
  },
} as const

const FLAGS: Readonly<Record<keyof typeof OWN_FIELDS, FlagValues>> = {
  amazonec2: {
    'amazonec2-image-name': 'debian-13',
    'amazonec2-root-size': 16,
    'amazonec2-ssh-port': 22,
  },
  digitalocean: { 'digitalocean-access-token': 'a token' },
  hetzner: { 'hetzner-api-token': 'a token' },
  none: { url: 'tcp://192.0.2.1:2376' },
  generic: {
    'generic-ip-address': '192.0.2.1',
    'generic-ssh-user': 'root',
    'generic-ssh-port': 22,
    'generic-engine-port': 2376,
  },
  qemu: {},
}

async function madeRecord(t: Test, factory: DriverFactory): Promise<{ store: Store; path: string }> {
  const root = t.testdir()
  const parsed = factory.parse(FLAGS[factory.name as keyof typeof FLAGS])
  if (!parsed.ok) throw new Error(parsed.faults.join())
  const { config } = parsed
  const options = machineOptions({ labels: ['a=b'] })
  const driver = { name: factory.name, config }
  const driverFields = factory.record.toFields(config, [])
  const store = new Store(root)
  await store.create('web', {
    ledger: newLedger({ machineId: 'ab'.repeat(16), driver, options, now: new Date(0) }),
    config: newHostRecord({ name: 'web', store: root, driverName: factory.name, driverFields, options }),
  })
  return { store, path: join(store.dir('web'), 'config.json') }
}

t.test('every record that we write has the names, order and types of docker-machine', async (t) => {
  t.strictSame(
    Object.keys(OWN_FIELDS).sort(),
    [...driverNames()].sort(),
    'a new driver needs its fields here',
  )
  for (const name of Object.keys(OWN_FIELDS) as (keyof typeof OWN_FIELDS)[])
    await t.test(name, async (t) => {
      const factory = await loadFactory(name)
      const { store, path } = await madeRecord(t, factory)
      t.strictSame(recordFaults(readFileSync(path, 'utf8'), OWN_FIELDS[name]), [], 'new')
      await store.update('web', factory.record, (ledger) => ({
        ...ledger,
        ssh: { user: 'docker', keyPath: '/k' },
        options: { ...ledger.options, tlsSans: ['web.example'] },
        phase: 'ready',
      }))
      const text = readFileSync(path, 'utf8')
      t.strictSame(recordFaults(text, OWN_FIELDS[name]), [], 'written again')
      t.match(text, '"web.example"')
    })
})

t.test('the schema sees what docker-machine would not write', (t) => {
  const good = dockerMachineRecord('none')
  const faults = (text: string): readonly string[] => recordFaults(text, OWN_FIELDS.none)
  t.strictSame(faults(good), [])
  t.match(faults(`${good}\n`), [/line break/])
  t.match(faults(JSON.stringify(JSON.parse(good))), [/indented/])
  t.match(faults(good.replace('"SSHPort": 0', '"SSHPort": "0"')), [/\.Driver\.SSHPort is no int/])
  t.match(faults(good.replace('"Dns": null', '"Dns": ""')), [/Dns is no strings/])
  t.match(faults(good.replace('"Name"', '"HostKey": "x",\n    "Name"')), [/has keys .*HostKey/])
  t.match(faults(good.replace('"Memory": 0,\n        "Disk": 0', '"Disk": 0,\n        "Memory": 0')), [
    /Disk/,
  ])
  t.end()
})

t.test('a record of any driver is, after a change of ours, what it was', async (t) => {
  for (const driver of recordedDrivers())
    await t.test(driver, async (t) => {
      const name = { none: 'plain', generic: 'gen' }[driver] ?? 'web'
      const root = t.testdir()
      const text = driverRecord(driver).replaceAll(ALICE, root)
      const store = new Store(root)
      mkdirSync(store.dir(name), { recursive: true })
      writeFileSync(join(store.dir(name), 'config.json'), text)
      const parsed = parseHostRecord(text, { name, root, dir: store.dir(name) })
      if ('fault' in parsed) throw new Error(parsed.fault)
      const isOurs = driver !== 'qemu' && driverNames().includes(driver)
      const stand = absentFactory({
        driver,
        wanted: driver,
        isOurs: false,
        fields: parsed.value.Driver,
        sans: [],
      })
      const factory = isOurs ? await loadFactory(driver) : stand
      const { ledger } = await store.update(name, factory.record, (old) => ({ ...old, dockerContext: 'x' }))
      const keyPath = isOurs ? (ledger.ssh?.keyPath ?? '') : ''
      const login = text.replace('"SSHKeyPath": ""', `"SSHKeyPath": ${JSON.stringify(keyPath)}`)
      t.equal(readFileSync(join(store.dir(name), 'config.json'), 'utf8'), login)
      t.notMatch(JSON.stringify(ledger), 'dummy', 'no secret gets into our own record')
    })
})

t.test('a record that was kept unread is read by the first version that has its driver', async (t) => {
  const root = t.testdir()
  const store = new Store(root)
  mkdirSync(store.dir('gen'), { recursive: true })
  const text = dockerMachineRecord('generic').replaceAll(ALICE, root)
  writeFileSync(join(store.dir('gen'), 'config.json'), text)
  const fields = store.get('gen').config.Driver
  const pin = { source: 'first-use', current: 'ssh-ed25519 AAAA', rotated: true } as const
  const stand = absentFactory({ driver: 'generic', wanted: 'generic', isOurs: false, fields, sans: [] })
  const { ledger } = await store.update('gen', stand.record, (old) => ({ ...old, hostKeys: pin }))
  t.match(ledger.driver, { name: 'generic', config: {}, unread: true })
  const generic = await loadFactory('generic')
  const later = await store.update('gen', generic.record, (old) => old)
  t.match(later.ledger, { driver: { unread: undefined, config: { ipAddress: '127.0.0.1' } }, hostKeys: pin })
})
