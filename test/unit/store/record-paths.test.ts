import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { HostRecordV3 } from '../../../src/contracts/record.js'
import { Store } from '../../../src/store/store.js'
import { ledgerFromHostRecord } from '../../../src/store/records.js'
import { dockerMachineRecord, driverRecord, firstFiles, testMapping } from '../../helpers/records.js'

const ALICE = '/home/alice/.docker/machine'

/** A store with one record whose paths say `recorded`. */
function readFrom(t: Test, text: string, name: string): { config: HostRecordV3; root: string } {
  const root = t.testdir()
  const store = new Store(root)
  mkdirSync(store.dir(name), { recursive: true })
  writeFileSync(join(store.dir(name), 'config.json'), text)
  return { config: store.get(name).config, root }
}

t.test('a store that was moved: every path below the old root is below the new one', (t) => {
  const { config, root } = readFrom(t, dockerMachineRecord('generic'), 'gen')
  t.equal(config.Driver['StorePath'], root)
  t.equal(config.Driver['SSHKeyPath'], join(root, 'machines/gen/id_rsa.key'))
  t.equal(
    config.Driver['SSHKey'],
    '/home/alice/id_rsa.key',
    'a path outside of the store is not ours to change',
  )
  t.match(config.HostOptions.AuthOptions, {
    CertDir: join(root, 'certs'),
    CaCertPath: join(root, 'certs/ca.pem'),
    ServerCertPath: join(root, 'machines/gen/server.pem'),
    StorePath: join(root, 'machines/gen'),
    ServerCertSANs: ['web.example'],
  })
  t.end()
})

t.test('a store that came from Windows', (t) => {
  const windows = driverRecord('virtualbox')
    .replaceAll(ALICE, 'C:/Users/alice/.docker/machine')
    .replace(/"C:[^"]*"/g, (path) => path.replaceAll('/', '\\\\'))
  const { config, root } = readFrom(t, windows, 'web')
  t.equal(config.Driver['StorePath'], root)
  t.equal(config.HostOptions.AuthOptions.ServerCertPath, join(root, 'machines/web/server.pem'))
  t.end()
})

t.test('a store that is reached by another path than the recorded one keeps its paths', (t) => {
  const other = t.testdir({ machines: { gen: {} } })
  const text = dockerMachineRecord('generic').replaceAll(ALICE, other)
  const root = join(other, 'copy')
  const store = new Store(root)
  mkdirSync(store.dir('gen'), { recursive: true })
  writeFileSync(join(store.dir('gen'), 'config.json'), text)
  t.equal(store.get('gen').config.Driver['SSHKeyPath'], join(other, 'machines/gen/id_rsa.key'))
  t.end()
})

t.test("what docker-machine's own migration got wrong is put right", (t) => {
  const lifted = (change: (record: HostRecordV3) => object): string =>
    JSON.stringify(change(JSON.parse(dockerMachineRecord('none')) as HostRecordV3))
  const from0 = lifted((record) => ({
    ...record,
    Driver: { ...record.Driver, StorePath: '.' },
    HostOptions: {
      ...record.HostOptions,
      AuthOptions: { CertDir: 'certs', StorePath: '.', CaCertPath: '' },
    },
  }))
  const first = readFrom(t, from0, 'plain')
  t.equal(first.config.Driver['StorePath'], first.root)
  t.match(first.config.HostOptions.AuthOptions, {
    CertDir: join(first.root, 'certs'),
    StorePath: join(first.root, 'machines/plain'),
    CaCertPath: join(first.root, 'certs/ca.pem'),
    CaPrivateKeyPath: join(first.root, 'certs/ca-key.pem'),
    ClientKeyPath: join(first.root, 'certs/key.pem'),
    ServerCertPath: join(first.root, 'machines/plain/server.pem'),
  })
  const from1 = lifted((record) => ({
    ...record,
    HostOptions: {
      ...record.HostOptions,
      AuthOptions: { ...record.HostOptions.AuthOptions, StorePath: ALICE },
    },
  }))
  const second = readFrom(t, from1, 'plain')
  t.equal(second.config.HostOptions.AuthOptions.StorePath, join(second.root, 'machines/plain'))
  t.end()
})

t.test('our own machine in a store that was moved', async (t) => {
  const before = join(t.testdir(), 'before')
  const { ledger, config } = firstFiles(before, 'web')
  const keyPath = join(before, 'machines/web/id_rsa')
  await new Store(before).create('web', { ledger: { ...ledger, ssh: { user: 'docker', keyPath } }, config })
  const after = join(before, '../after')
  renameSync(before, after)
  const store = new Store(after)
  t.match(store.get('web'), {
    foreign: undefined,
    ledger: { ssh: { keyPath: join(after, 'machines/web/id_rsa') } },
    config: { Driver: { StorePath: after } },
  })
  await store.update('web', testMapping, (old) => old)
  const text = readFileSync(join(after, 'machines/web/config.json'), 'utf8')
  t.notMatch(text, before, 'the first writer writes the new paths')
})

t.test('the key of a machine in a moved store is the one beside its record', (t) => {
  const { config, root } = readFrom(t, driverRecord('virtualbox'), 'web')
  t.match(ledgerFromHostRecord(config, testMapping).ssh, { keyPath: join(root, 'machines/web/id_rsa') })
  t.end()
})
