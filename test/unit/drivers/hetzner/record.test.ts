import t from 'tap'
import type { JsonObject } from '../../../../src/contracts/driver.js'
import { reachOf } from '../../../../src/drivers/hetzner/config.js'
import { hetznerRecord } from '../../../../src/drivers/hetzner/record.js'
import { driverRecord } from '../../../helpers/records.js'

const fields = (JSON.parse(driverRecord('hetzner')) as { Driver: JsonObject }).Driver

t.test('a server that the community driver made is ours to drive, its secret apart', (t) => {
  const { config, resources } = hetznerRecord.fromFields(fields)
  t.notMatch(JSON.stringify({ config, resources }), 'dummy-token')
  t.match(config, { serverType: 'cx11', image: 'ubuntu-20.04', location: 'fsn1', sshUser: 'root' })
  t.match(resources, [
    { kind: 'ssh-key', id: '1234567' },
    { kind: 'server', id: '23456789', key: 'web', attributes: { public4: '192.0.2.24' } },
  ])
  t.equal(
    resources.find(({ tags }) => tags),
    undefined,
    'it has no tags of ours',
  )
  t.end()
})

t.test('keys that it was given stay, those that it uploaded go with it', (t) => {
  const given = { ...fields, IsExistingKey: true, AdditionalKeyIDs: [7, 8] }
  const read = hetznerRecord.fromFields(given)
  t.strictSame(
    read.resources.filter(({ kind }) => kind === 'ssh-key').map(({ id }) => id),
    ['7', '8'],
  )
  t.match(hetznerRecord.toFields(read.config, read.resources), {
    KeyID: 1234567,
    IsExistingKey: true,
    AdditionalKeyIDs: [7, 8],
  })
  t.end()
})

t.test('its way to the machine is kept', (t) => {
  const hidden = { ...fields, UsePrivateNetwork: true, Networks: ['n'], IPAddress: '10.0.0.2' }
  const { config, resources } = hetznerRecord.fromFields(hidden)
  t.equal(reachOf(config).via, 'private')
  t.match(resources[1], { attributes: { private: '10.0.0.2' } })
  t.match(hetznerRecord.toFields(config, resources), { IPAddress: '10.0.0.2', UsePrivateNetwork: true })
  t.end()
})

t.test('our own records: the store keeps its key, and what docker-machine does not know stays', (t) => {
  const first = hetznerRecord.fromFields(fields).config
  const config = { ...first, placementGroup: 'g', serverLabels: ['a=b'] }
  const resources = [
    { kind: 'ssh-key', key: 'tsmachine-ffffffff-01234567', id: '5', state: 'made' },
    { kind: 'server', key: 'web', id: '6', state: 'made', attributes: { public4: '192.0.2.7' } },
  ] as const
  const written = hetznerRecord.toFields(config, resources)
  t.match(written, { KeyID: 5, IsExistingKey: true, ServerID: 6, ServerLabels: { a: 'b' }, AccessToken: '' })
  const back = hetznerRecord.fromFields(written, { config, resources })
  t.strictSame(back, { config, resources })
  t.end()
})
