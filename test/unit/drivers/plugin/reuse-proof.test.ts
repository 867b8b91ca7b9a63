import t from 'tap'
import { sameAccount } from '../../../../src/drivers/plugin/reuse-proof.js'

const A = {
  MachineName: 'a',
  IPAddress: '192.0.2.1',
  ServerID: 's-1',
  ApiToken: 'x',
  Region: 'r',
  Tags: ['t'],
}
const said = (fields: object): string => JSON.stringify({ ...A, ...fields })

t.test('states that differ in what names a machine are of one account', async (t) => {
  const alike: readonly object[] = [
    {},
    { MachineName: 'b', IPAddress: '192.0.2.2', ServerID: 's-2' },
    { SSHKeyPath: '/store/b/id_rsa', SSHPort: 2222, StorePath: '/b' },
    {
      PrivateIp: '10.0.0.2',
      MacAddress: '02:00:00:00:00:01',
      Vm_uuid: 'u',
      SSHKeyFingerprint: 'f',
      DropletID: 7,
    },
  ]
  for (const fields of alike) t.ok(sameAccount(said({}), said(fields)), JSON.stringify(fields))
  t.ok(sameAccount('{"Region":"r","Size":1}', '{ "Size": 1, "Region": "r" }'), 'in another order')
})

t.test('states that differ in anything else are not', async (t) => {
  const others: readonly object[] = [
    { ApiToken: 'y' },
    { Region: 's' },
    { Tags: [] },
    { Labels: { a: 'b' } },
    { TenantName: 'other' },
    { TenantId: '1' },
    { UserName: 'me' },
    { AccessKeyId: 'k' },
    { SecretId: 's' },
    { IP: '192.0.2.9' },
    { SubscriptionID: 's' },
    { ProjectID: 'p' },
    { EndpointURL: 'https://other.example' },
  ]
  for (const fields of others) t.notOk(sameAccount(said({}), said(fields)), JSON.stringify(fields))
})

t.test('what is no state is of no account', async (t) => {
  for (const state of ['', '{}', '[]', 'null', '{']) t.notOk(sameAccount(state, state), state)
})
