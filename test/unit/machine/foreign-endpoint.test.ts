import t from 'tap'
import type { LedgerRecord } from '../../../src/contracts/record.js'
import { TSMACHINE_PROFILE } from '../../../src/contracts/profile.js'
import { loadFactory } from '../../../src/drivers/registry.js'
import { refuseForeignEndpoint } from '../../../src/machine/foreign-endpoint.js'

const CLOUDS = [
  {
    driver: 'digitalocean',
    key: 'apiUrl',
    own: 'https://api.digitalocean.com/v2',
    variable: 'DIGITALOCEAN_API_URL',
  },
  { driver: 'hetzner', key: 'endpoint', own: 'https://api.hetzner.cloud/v1', variable: 'HCLOUD_ENDPOINT' },
  { driver: 'amazonec2', key: 'endpoint', own: '', variable: 'AWS_ENDPOINT_URL' },
] as const

for (const { driver, key, own, variable } of CLOUDS)
  t.test(`${driver}: a record from elsewhere does not say who is sent the token`, async (t) => {
    const factory = await loadFactory(driver)
    const check = (endpoint: string, { env = {}, accepted = [] as readonly string[] } = {}): void => {
      const ledger = { driver: { name: driver, config: { [key]: endpoint } } } as unknown as LedgerRecord
      refuseForeignEndpoint({ env, profile: TSMACHINE_PROFILE }, { name: 'web', ledger, factory }, accepted)
    }
    check(own)
    check('')
    const other = 'https://cloud.example.com/v2'
    check(other, { accepted: ['https://cloud.example.com'] })
    check(other, { env: { [variable]: 'https://cloud.example.com' } })
    const strange = [
      other,
      'http://127.0.0.1:1',
      'https://api.hetzner.cloud.example.com',
      'https://api.hetzner.cloud@example.com/v1',
      'https://api.digitalocean.com:444',
      'http://api.digitalocean.com',
      'no URL',
    ]
    for (const endpoint of strange) t.throws(() => check(endpoint), { code: 'usage' }, endpoint)
    t.throws(() => check(other, { accepted: ['https://example.com', 'cloud.example.com', ''] }), {
      code: 'usage',
    })
  })
