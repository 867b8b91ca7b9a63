import t from 'tap'
import { factory } from '../../../../src/drivers/none/index.js'
import { engineAddress } from '../../../../src/drivers/none/url.js'

t.test('host and port are read from any engine URL', async (t) => {
  for (const [url, host, port] of [
    ['tcp://192.0.2.10:2376', '192.0.2.10', 2376],
    ['tcp://[2001:db8::1]:99', '2001:db8::1', 99],
    ['tcp://engine.example', 'engine.example', 2376],
    ['https://h:1/path', 'h', 1],
    ['unix:///var/run/docker.sock', '', 0],
    ['url1', '', 0],
  ] as const)
    t.strictSame(engineAddress(url), { host, port }, url)
})

t.test('the URL is required, and nonsense is refused', async (t) => {
  t.match(factory.parse({}), { ok: false, faults: ['--url option is required when no driver is selected'] })
  for (const url of ['ftp://h:1', 'tcp://h:99999', 'tcp://', 'tcp://h:1 ', 'tcp://h\u001b[31m:1'])
    t.match(factory.parse({ url }), { ok: false }, JSON.stringify(url))
  t.match(factory.parse({ url: 'url1' }), { ok: true }, 'docker-machine takes a bare word')
})

t.test('its record has the shape of docker-machine and reads back', async (t) => {
  const config = { url: 'tcp://192.0.2.10:2376' }
  const fields = factory.record.toFields(config, [])
  t.strictSame(fields, { IPAddress: '192.0.2.10:2376', URL: 'tcp://192.0.2.10:2376' })
  t.strictSame(factory.record.fromFields(fields), { config, resources: [] })
})

t.test('its endpoint keeps the URL as the user gave it', async (t) => {
  const driver = await factory.open({} as never)
  const machine = {
    name: 'm',
    id: 'i',
    storeId: 's',
    dir: '/d',
    resources: [],
    config: { url: 'tcp://h:77' },
  }
  t.match(driver.endpoint(machine), { address: 'h', engine: { host: 'h', port: 77 }, url: 'tcp://h:77' })
  t.equal(driver.localState?.(machine), 'Running')
})
