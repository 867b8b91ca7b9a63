import t from 'tap'
import type { JsonObject } from '../../../../src/contracts/driver.js'
import { dropletRecord } from '../../../../src/drivers/digitalocean/record.js'
import { driverRecord } from '../../../helpers/records.js'

const fields = (JSON.parse(driverRecord('digitalocean')) as { Driver: JsonObject }).Driver

t.test('a droplet that docker-machine made is ours to drive, its secret apart', (t) => {
  const { config, resources } = dropletRecord.fromFields(fields)
  t.notMatch(JSON.stringify({ config, resources }), 'dummy-token')
  t.match(resources, [
    { kind: 'ssh-key', id: '987654', attributes: { owner: 'user' } },
    { kind: 'server', id: '123456789', key: 'web', attributes: { public4: '192.0.2.13' } },
  ])
  t.end()
})

t.test('a key that docker-machine made belongs to its machine alone', (t) => {
  const { resources } = dropletRecord.fromFields({ ...fields, SSHKeyFingerprint: '', SSHKey: '' })
  t.match(resources[0], { kind: 'ssh-key', id: '987654', attributes: { owner: 'machine' } })
  t.end()
})

t.test('who logs in where the record leaves it open', (t) => {
  t.strictSame(dropletRecord.login?.(fields), { user: 'root', keyFile: 'droplet' })
  t.strictSame(dropletRecord.login?.({ ...fields, SSHKey: '', SSHKeyFingerprint: '' })?.keyFile, 'id_rsa')
  t.strictSame(dropletRecord.login?.({ ...fields, SSHKey: '' })?.keyFile, '')
  t.end()
})
