import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { machineAddress } from '../../../src/machine/address.js'
import type { MachineContext } from '../../../src/machine/context.js'
import { driverNames } from '../../../src/drivers/registry.js'
import { inspectMachine } from '../../../src/machine/inspect.js'
import { listMachines } from '../../../src/machine/list.js'
import { openMachine } from '../../../src/machine/open.js'
import { removeMachine } from '../../../src/machine/remove.js'
import { restartMachine } from '../../../src/machine/restart.js'
import { startMachine } from '../../../src/machine/start.js'
import { machineStatus } from '../../../src/machine/status.js'
import { killMachine, stopMachine } from '../../../src/machine/stop.js'
import { testCertificates } from '../../helpers/certificates.js'
import { machineContext } from '../../helpers/machine-context.js'
import { driverRecord, recordedDrivers } from '../../helpers/records.js'

const ALICE = '/home/alice/.docker/machine'
/** docker-machine's and a plugin's qemu machines are not ours to drive. */
const OURS = driverNames().filter((driver) => driver !== 'qemu')
const ABSENT = recordedDrivers().filter((driver) => !OURS.includes(driver))

/** A store with one machine `web` for each of these drivers' records, named like the driver. */
function storeOf(t: Test, drivers: readonly string[]): MachineContext {
  const ctx = machineContext({ dir: t.testdir() })
  for (const driver of drivers) {
    const text = driverRecord(driver)
      .replaceAll(ALICE, ctx.store.root)
      .replaceAll('machines/web', `machines/${driver}`)
      .replace('"Name": "web"', `"Name": "${driver}"`)
      .replace('"MachineName": "web"', `"MachineName": "${driver}"`)
    mkdirSync(ctx.store.dir(driver), { recursive: true })
    writeFileSync(join(ctx.store.dir(driver), 'config.json'), text)
  }
  return ctx
}

interface Reached {
  readonly ssh: string
  readonly key: string | undefined
  readonly url: string
  readonly inside: number
}

const at = (user: string, host: string, more: Partial<Reached> = {}): Reached => ({
  ssh: `${user}@${host}:22`,
  key: 'id_rsa',
  url: `tcp://${host}:2376`,
  inside: 2376,
  ...more,
})

/** How docker-machine reaches a machine of each record, where the record alone says it. */
const REACHED: Readonly<Record<string, Reached>> = {
  exoscale: at('ubuntu', '192.0.2.14'),
  google: at('docker-user', '192.0.2.15'),
  hyperv: at('docker', '192.0.2.16'),
  openstack: at('root', '192.0.2.17'),
  qemu: at('docker', '127.0.0.1', { ssh: 'docker@127.0.0.1:35001', url: 'tcp://127.0.0.1:35002' }),
  rackspace: at('root', '192.0.2.18'),
  softlayer: at('root', '192.0.2.19'),
  someplugin: at('admin', '192.0.2.26', { ssh: 'admin@192.0.2.26:2222' }),
  virtualbox: at('docker', '192.168.99.100', { ssh: 'docker@127.0.0.1:53507' }),
  vmwarefusion: at('docker', '192.0.2.21'),
  vmwarevcloudair: at('root', '192.0.2.22', { url: 'tcp://192.0.2.22:2378', inside: 2378 }),
  vmwarevsphere: at('docker', '192.0.2.23'),
}

t.test('where a machine is and who logs in come from its record', async (t) => {
  const ctx = storeOf(t, ABSENT)
  t.strictSame(Object.keys(REACHED).sort(), ABSENT.filter((driver) => driver !== 'azure').sort())
  for (const [driver, reached] of Object.entries(REACHED)) {
    const open = await openMachine(ctx, driver)
    const { ssh, enginePort } = open.driver.endpoint(open.machine)
    const { user, keyPath } = open.ledger.ssh ?? { user: '' }
    const key = keyPath?.replace(`${ctx.store.dir(driver)}/`, '')
    const { url } = await machineAddress(ctx, driver)
    t.strictSame({ ssh: `${user}@${ssh?.host}:${ssh?.port}`, key, url, inside: enginePort }, reached, driver)
    t.equal(ssh?.user, user, driver)
  }
})

t.test('an address that only the server certificate has is taken from it', async (t) => {
  const ctx = storeOf(t, ['azure'])
  await t.rejects(machineAddress(ctx, 'azure'), { message: /IP address is not set in the record of "azure"/ })
  const certificates = await testCertificates({ sans: ['203.0.113.9', 'localhost', '192.0.2.12', 'azure'] })
  t.teardown(() => certificates.remove())
  writeFileSync(join(ctx.store.dir('azure'), 'server.pem'), certificates.server.cert)
  t.match(await machineAddress(ctx, 'azure'), { ip: '192.0.2.12', url: 'tcp://192.0.2.12:2377' })
})

t.test('ls shows each with its driver and address, and why there is no state', async (t) => {
  const ctx = storeOf(t, [...ABSENT, 'none'])
  const rows = await listMachines(ctx, { filters: [], timeoutMs: 2_000 })
  t.equal(rows.length, ABSENT.length + 1)
  for (const row of rows.filter(({ name }) => name !== 'none'))
    t.match(row, {
      driver: row.name,
      state: 'Error',
      url: REACHED[row.name]?.url ?? '',
      engine: 'Unknown',
      error: `driver not here: Driver "${row.name}" not found. Do you have the plugin binary accessible in your PATH?`,
    })
})

t.test('what asks the provider says that its driver is not here and what to do', async (t) => {
  const ctx = storeOf(t, ['openstack'])
  const hints = [/docker-machine-driver-openstack on PATH/, /at its provider/]
  const refusal = { code: 'driver', message: /Driver "openstack" not found/, hints }
  for (const verb of [startMachine, stopMachine, killMachine, restartMachine])
    await t.rejects(verb(ctx, 'openstack'), refusal, verb.name)
  await t.rejects(machineStatus(ctx, 'openstack'), {
    ...refusal,
    message: /^error getting state for host openstack: driver not here/,
  })
})

t.test('rm keeps the record; rm -f sets it aside and says what is left at the provider', async (t) => {
  const ctx = machineContext({ dir: t.testdir() })
  const record = (): void => {
    mkdirSync(ctx.store.dir('web'), { recursive: true })
    writeFileSync(join(ctx.store.dir('web'), 'config.json'), driverRecord('openstack'))
  }
  record()
  const left =
    /known as MachineName web, MachineId 00000000-0000-4000-8000-000000000017, Region RegionOne, Ten/
  await t.rejects(removeMachine(ctx, 'web', { force: false }), {
    message: left,
    hints: [/on PATH/, /provider/],
  })
  t.ok(ctx.store.exists('web'))
  await removeMachine(ctx, 'web', { force: true })
  t.notOk(ctx.store.exists('web'))
  t.match(ctx.events, [{ type: 'error', text: left }])
  t.match(ctx.store.tombstones(), [{ name: 'web', record: { config: { DriverName: 'openstack' } } }])
  record()
  await removeMachine(ctx, 'web', { force: true })
  t.equal(ctx.store.tombstones().length, 2, 'the next of that name does not replace it')
})

t.test('a plugin that we do not know: what looks like a name at its provider is told', async (t) => {
  const ctx = storeOf(t, ['someplugin', 'softlayer', 'virtualbox'])
  const refused = async (name: string): Promise<string> =>
    await removeMachine(ctx, name, { force: false }).then(
      () => '',
      (error: unknown) => (error instanceof Error ? error.message : ''),
    )
  t.match(await refused('someplugin'), 'MachineName someplugin, InstanceID 9007199254740, Region eu.')
  t.match(await refused('softlayer'), 'MachineName softlayer, Id 1234567, SSHKeyID 7654321.')
  t.match(await refused('virtualbox'), 'MachineName virtualbox.')
})

t.test('inspect shows every field of the record but its secrets, and asks nobody', async (t) => {
  const ctx = storeOf(t, ABSENT)
  for (const driver of ABSENT) {
    const shown = await inspectMachine(ctx, driver)
    const text = JSON.stringify(shown)
    t.notMatch(text, /dummy-(secret|session|client-secret|token|password|api)/, driver)
    t.notMatch(text, 'ZHVtbXk=', `${driver}: user data`)
    const recorded = JSON.parse(driverRecord(driver)) as { Driver: object }
    t.strictSame(Object.keys(shown['Driver'] as object), Object.keys(recorded.Driver), driver)
  }
  t.match(await inspectMachine(ctx, 'softlayer'), {
    Driver: { Client: { User: 'alice', ApiKey: '[secret]' } },
  })
  t.match(await inspectMachine(ctx, 'openstack'), {
    Driver: { Username: 'alice', KeyPairName: 'web-0123' },
  })
})

t.test(
  "a qemu record that is not ours is left to docker-machine's plugin, also after our first change",
  async (t) => {
    const ctx = storeOf(t, ['qemu'])
    const before = readFileSync(join(ctx.store.dir('qemu'), 'config.json'), 'utf8')
    const open = await openMachine(ctx, 'qemu')
    t.ok(open.factory.absent)
    await ctx.store.update('qemu', open.factory.record, (ledger) => ledger)
    t.ok((await openMachine(ctx, 'qemu')).factory.absent)
    t.equal(readFileSync(join(ctx.store.dir('qemu'), 'config.json'), 'utf8'), before)
  },
)
