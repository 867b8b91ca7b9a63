import t from 'tap'
import { recordedDriver } from '../../../src/machine/open.js'
import { firstFiles } from '../../helpers/records.js'

const { config, ledger } = firstFiles('/store', 'web')
const place = { name: 'web', dir: '/store/machines/web' }
const named = (DriverName: string) => recordedDriver({ ...place, ledger, config: { ...config, DriverName } })

t.test('a machine of a driver that we served to another tool is of our driver', async (t) => {
  t.equal(named('ts-digitalocean'), 'digitalocean')
  t.equal(named('digitalocean'), 'digitalocean')
  t.equal(named('ts-linode'), 'ts-linode', 'only where we have it')
  const theirs = { ...ledger, driver: { ...ledger.driver, name: 'plugin:qemu' } }
  t.equal(
    recordedDriver({ ...place, ledger: theirs, config: { ...config, DriverName: 'qemu' } }),
    'plugin:qemu',
  )
})
