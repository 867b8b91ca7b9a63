import t, { type Test } from 'tap'
import type { Driver, FlagValues } from '../../../../src/contracts/driver.js'
import { factory } from '../../../../src/drivers/digitalocean/index.js'
import { DigitalOceanDouble, TOKEN } from '../../../doubles/digitalocean/index.js'
import { BenchMachine } from '../../../helpers/bench-machine.js'
import { driverDeps, scratchDir } from '../../../helpers/driver-deps.js'
import { FastClock } from '../../../helpers/fast-clock.js'
import { NEVER } from '../../../helpers/never.js'

const HERE = { ssh: ['203.0.113.7/32'], engine: ['203.0.113.7/32'] }

interface Bench {
  readonly double: DigitalOceanDouble
  readonly driver: Driver
  readonly make: (name: string, given?: FlagValues) => Promise<BenchMachine>
  readonly machine: (name: string, given?: FlagValues) => BenchMachine
}

async function bench(t: Test): Promise<Bench> {
  const clock = new FastClock(50)
  const times = { boot: 500, power: 200, remove: 200 }
  const double = await DigitalOceanDouble.start({ clock, limits: false, times })
  t.teardown(() => double.close())
  const driver = await factory.open({ ...driverDeps(scratchDir(t)), clock })
  const base = { 'digitalocean-access-token': TOKEN, 'digitalocean-api-url': double.url }
  const machine: Bench['machine'] = (name, given = {}) =>
    new BenchMachine(factory, name, { ...base, ...given }, {})
  return {
    double,
    driver,
    machine,
    async make(name, given) {
      const made = machine(name, given)
      await made.record(driver.create(made.spec, NEVER))
      return made
    },
  }
}

async function remove({ driver }: Bench, machine: BenchMachine): Promise<void> {
  await machine.record(driver.remove(machine.machine, NEVER))
}

t.test('a new reserved address goes with its machine', async (t) => {
  const here = await bench(t)
  const web = await here.make('web', { 'digitalocean-reserved-ip': 'new' })
  const ip = web.resources.find(({ kind }) => kind === 'reserved-ip')?.id
  t.equal(here.driver.endpoint(web.machine).address, ip)
  await remove(here, web)
  t.strictSame(here.double.inventory(), [])
})

t.test('an address that another droplet has got meanwhile is left to it', async (t) => {
  const here = await bench(t)
  const first = await here.make('first', { 'digitalocean-reserved-ip': 'new' })
  const second = await here.make('second')
  const [reserved] = here.double.account.reserved.values()
  if (!reserved) throw new Error('no address was reserved')
  const id = Number(second.resources.find(({ kind }) => kind === 'server')?.id)
  reserved.droplet = id
  await remove(here, first)
  t.equal(reserved.droplet, id)
  t.ok(here.double.account.reserved.has(reserved.ip))
  reserved.droplet = undefined
  here.double.account.reserved.clear()
  await remove(here, second)
})

t.test('an address that the account does not have is refused beforehand', async (t) => {
  const { driver, machine } = await bench(t)
  const faults = await driver.preflight(
    machine('web', { 'digitalocean-reserved-ip': '203.0.113.9' }).spec,
    NEVER,
  )
  t.match(faults, [{ message: 'the account has no reserved address 203.0.113.9' }])
})

t.test('a droplet that is gone does not keep others from being narrowed', async (t) => {
  const here = await bench(t)
  const machines = await Promise.all(['a', 'b', 'c'].map((name) => here.make(name)))
  const gone = machines[1]?.resources.find(({ kind }) => kind === 'server')?.id
  here.double.account.droplets.delete(Number(gone))
  const outcomes = await Promise.allSettled(
    machines.map((each) => each.record(here.driver.setAccess?.(each.machine, HERE, NEVER))),
  )
  t.match(outcomes, [{ status: 'fulfilled' }, { status: 'rejected' }, { status: 'fulfilled' }])
  for (const name of ['a', 'c']) {
    t.same(here.double.reachable(name, '203.0.113.7'), [22, 2376])
    t.same(here.double.reachable(name, '198.51.100.1'), [], 'the old firewall is left')
  }
  for (const each of machines) await remove(here, each)
  t.strictSame(here.double.inventory(), [])
})

t.test('a droplet that a lost request made as well goes with its machine', async (t) => {
  const here = await bench(t)
  const web = await here.make('web')
  const twin = here.machine('web')
  here.double.account.droplets.forEach((droplet) => (droplet.name = 'seen'))
  await twin.record(here.driver.create({ ...twin.spec, resources: [] }, NEVER))
  t.equal(here.double.account.droplets.size, 2)
  await remove(here, web)
  t.strictSame(here.double.inventory(), [])
})

t.test(
  'a droplet whose answer is lost is found, or said to be unknown and looked for by the next try',
  async (t) => {
    const here = await bench(t)
    here.double.fail({ operation: 'droplets_create', kind: 'drop-after' })
    const web = await here.make('web')
    t.equal(here.double.account.droplets.size, 1)
    const lost = here.machine('lost')
    here.double.fail({ operation: 'droplets_create', kind: 'drop-before' })
    await t.rejects(lost.record(here.driver.create(lost.spec, NEVER)), {
      fate: 'unknown',
      message: /the connection broke.* was not seen within 20 s and may still come/,
      hints: [
        /./,
        'tsmachine create --resume lost looks for it again, and makes one only if it is not there.',
        /./,
      ],
    })
    t.equal(here.double.count('droplets_create'), 2, 'it was not asked for twice')
    await lost.record(here.driver.create(lost.spec, NEVER))
    t.equal(here.double.account.droplets.size, 2)
    for (const machine of [web, lost]) await remove(here, machine)
    t.strictSame(here.double.inventory(), [])
  },
)

t.test('who presses Ctrl-C while a droplet is being made has its id in the record', async (t) => {
  const here = await bench(t)
  const web = here.machine('web')
  const stop = new AbortController()
  here.double.fail({ operation: 'droplets_create', kind: 'delay', ms: 5_000 })
  here.double.onRequest = ({ operation }) => {
    if (operation === 'droplets_create') stop.abort(new Error('Ctrl-C'))
  }
  await t.rejects(web.record(here.driver.create(web.spec, stop.signal)), /Ctrl-C/)
  const [id] = here.double.account.droplets.keys()
  t.match(
    web.resources.find(({ kind }) => kind === 'server'),
    { state: 'made', id: String(id) },
  )
  await remove(here, web)
  t.strictSame(here.double.inventory(), [])
})

t.test('an account that has all the droplets it may have is told of beforehand', async (t) => {
  const { double, driver, machine } = await bench(t)
  double.conditions.quota = 0
  t.match(await driver.preflight(machine('web').spec, NEVER), [
    { message: 'the account has 0 droplets and may have 0', hint: /tsmachine gc/ },
  ])
})
