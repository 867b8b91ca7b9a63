/** What a provider, something on the way to it, or a record from elsewhere says that nobody expects. */
import t, { type Test } from 'tap'
import type { Driver, DriverFactory } from '../../../../../src/contracts/driver.js'
import type { Resource } from '../../../../../src/contracts/record.js'
import { factory as digitalocean } from '../../../../../src/drivers/digitalocean/index.js'
import { factory as hetzner } from '../../../../../src/drivers/hetzner/index.js'
import { BenchMachine } from '../../../../helpers/bench-machine.js'
import { driverDeps, scratchDir } from '../../../../helpers/driver-deps.js'
import { hastyClock } from '../../../../helpers/hasty-clock.js'
import { NEVER } from '../../../../helpers/never.js'
import { type ScriptedApi, scriptedApi, type Script } from '../../../../helpers/scripted-api.js'

interface Cloud {
  readonly factory: DriverFactory
  readonly flags: (url: string) => Readonly<Record<string, string>>
  /** What it answers about an account that has nothing. */
  readonly nothing: object
  readonly key: string
}

const CLOUDS: readonly Cloud[] = [
  {
    factory: digitalocean,
    flags: (url) => ({ 'digitalocean-access-token': 'token', 'digitalocean-api-url': url }),
    nothing: { droplets: [], firewalls: [], ssh_keys: [] },
    key: '/v2/account/keys/',
  },
  {
    factory: hetzner,
    flags: (url) => ({ 'hetzner-api-token': 'token', 'hetzner-endpoint': url }),
    nothing: { servers: [], firewalls: [], ssh_keys: [] },
    key: '/ssh_keys/',
  },
]

interface Bench {
  readonly api: ScriptedApi
  readonly driver: Driver
  readonly machine: BenchMachine
}

async function benchOf(t: Test, { factory, flags }: Cloud, script: Script): Promise<Bench> {
  const api = await scriptedApi(t, script)
  const driver = await factory.open({ ...driverDeps(scratchDir(t)), clock: hastyClock(50) })
  return { api, driver, machine: new BenchMachine(factory, 'web', flags(api.url), {}) }
}

function resourceOf(machine: BenchMachine, kind: string, id: string): Resource {
  return { kind, key: 'web', id, state: 'made', tags: machine.spec.tags }
}

const EMPTY: Script = ({ method }) =>
  method === 'DELETE' ? { status: 204, body: '' } : { status: 200, body: {} }

for (const cloud of CLOUDS) {
  const { name } = cloud.factory

  t.test(`${name}: an answer without what was asked for does not say that a server is gone`, async (t) => {
    const { driver, machine } = await benchOf(t, cloud, EMPTY)
    machine.resources = [resourceOf(machine, 'server', '1')]
    const wrong = { code: 'driver', fate: 'unknown', message: /its answer has no "(droplets|servers)"/ }
    await t.rejects(driver.states([machine.machine], NEVER), wrong)
    machine.resources = [{ kind: 'server', key: 'web', id: '1', state: 'made' }]
    const single = { ...wrong, message: /its answer has no "(droplet|server)"/ }
    await t.rejects(driver.states([machine.machine], NEVER), single)
  })

  t.test(`${name}: an id in a record leads to no other thing of the account`, async (t) => {
    const script: Script = ({ method }) =>
      method === 'DELETE' ? { status: 204, body: '' } : { status: 200, body: cloud.nothing }
    const { api, driver, machine } = await benchOf(t, cloud, script)
    for (const id of ['../../droplets?tag_name=prod', '..\\servers\\1', '7/../../droplets', '..']) {
      machine.resources = [resourceOf(machine, 'ssh-key', id)]
      await t.rejects(machine.record(driver.remove(machine.machine, NEVER)), {
        code: 'driver',
        message: /No id/,
      })
      t.equal(machine.resources.length, 1)
    }
    const deleted = (): string[] => api.seen.flatMap(({ method, url }) => (method === 'DELETE' ? [url] : []))
    t.strictSame(deleted(), [])
    machine.resources = [resourceOf(machine, 'ssh-key', '7?name=prod')]
    await machine.record(driver.remove(machine.machine, NEVER))
    t.strictSame(deleted(), [`${cloud.key}7%3Fname%3Dprod`])
  })
}

t.test('digitalocean: rm does not forget a droplet that an odd answer does not name', async (t) => {
  const [cloud] = CLOUDS
  if (!cloud) return
  const { driver, machine } = await benchOf(t, cloud, EMPTY)
  machine.resources = [resourceOf(machine, 'server', '1')]
  await t.rejects(machine.record(driver.remove(machine.machine, NEVER)), /its answer has no "droplets"/)
  t.equal(machine.resources.length, 1)
})
