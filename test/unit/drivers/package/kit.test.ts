import t from 'tap'
import type { DriverEvent, DriverMachine } from '../../../../src/contracts/driver.js'
import type { Resource } from '../../../../src/contracts/record.js'
import {
  defineDriver,
  makeResource,
  type MadeThing,
  removeResources,
} from '../../../../src/drivers/package/kit/index.js'
import { driverDeps, scratchDir } from '../../../helpers/driver-deps.js'

const { factory } = defineDriver({
  contract: '1.0.0',
  name: 'acme',
  summary: 'Servers of Acme',
  flags: [
    { name: 'acme-token', key: 'token', type: 'string', summary: 'Token', secret: true, required: true },
    { name: 'acme-size', key: 'size', type: 'string', summary: 'Size', options: ['s', 'l'], default: 's' },
  ],
  check: (read, fault) => {
    if (read.string('token') === 'x') fault('--acme-token is too short')
  },
  open: () => ({
    preflight: () => Promise.resolve([]),
    states: () => Promise.resolve([]),
    async *create() {},
    async *remove() {},
  }),
})

t.test('a definition is completed to a driver of its own', async (t) => {
  t.match(factory.capabilities, { power: true, ssh: true, inventory: false, hostKey: 'given' })
  t.strictSame(factory.parse({ 'acme-token': 'abc', 'acme-size': 'l' }), {
    ok: true,
    config: { token: 'abc', size: 'l' },
  })
  t.strictSame(factory.parse({ 'acme-size': 'xl' }), {
    ok: false,
    faults: ['--acme-size wants one of s, l', 'acme driver requires the --acme-token option'],
  })
  t.match(factory.parse({ 'acme-token': 'x', 'acme-sise': 's' }), {
    ok: false,
    faults: [/unknown flag --acme-sise; did you mean --acme-size/, '--acme-token is too short'],
  })
})

t.test('config.json has the settings and the id, and no secret', async (t) => {
  const config = { token: 'hidden', size: 'l' }
  const resources: readonly Resource[] = [{ kind: 'server', key: 'a', id: '7', state: 'made' }]
  const fields = factory.record.toFields(config, resources)
  t.strictSame(fields, { Size: 'l', MachineId: '7' })
  t.strictSame(factory.record.fromFields(fields, { config, resources }), { config, resources })
  t.strictSame(factory.record.fromFields(fields), { config: { size: 'l' }, resources: [] })
})

t.test('a machine is reached at the address of its server', async (t) => {
  const driver = await factory.open(driverDeps(scratchDir(t)))
  const machine = (attributes: Resource['attributes']): DriverMachine => ({
    name: 'm',
    id: '1',
    storeId: 's',
    dir: '/',
    config: {},
    resources: [{ kind: 'server', key: 'a', state: 'made', ...(attributes ? { attributes } : {}) }],
  })
  t.match(driver.endpoint(machine({ address: '192.0.2.7' })), {
    address: '192.0.2.7',
    ssh: { host: '192.0.2.7', port: 22, user: 'docker' },
    engine: { host: '192.0.2.7', port: 2376 },
  })
  t.equal(driver.endpoint(machine({ address: '192.0.2.7', sshPort: 2222 })).ssh?.port, 2222)
  t.equal(driver.endpoint(machine(undefined)).address, '')
})

async function made(
  recorded: readonly Resource[],
  found: MadeThing | undefined,
): Promise<{ events: readonly DriverEvent[]; calls: readonly string[]; result: Resource }> {
  const events: DriverEvent[] = []
  const calls: string[] = []
  const steps = makeResource(
    recorded,
    { kind: 'server', key: 'a' },
    {
      find: () => Promise.resolve(found).finally(() => calls.push('find')),
      make: () => Promise.resolve({ id: '2' }).finally(() => calls.push('make')),
    },
  )
  for (;;) {
    const step = await steps.next()
    if (step.done) return { events, calls, result: step.value }
    events.push(step.value)
  }
}

t.test('a thing is announced, made and confirmed; after a crash it is looked for first', async (t) => {
  const intended: Resource = { kind: 'server', key: 'a', state: 'intended' }
  const confirmed = (id: string): Resource => ({ kind: 'server', key: 'a', state: 'made', id })
  const made2 = { type: 'made', resource: confirmed('2') } as const
  t.strictSame(await made([], { id: '1' }), {
    events: [{ type: 'intent', resource: intended }, made2],
    calls: ['make'],
    result: confirmed('2'),
  })
  t.strictSame(await made([intended], { id: '1' }), {
    events: [{ type: 'made', resource: confirmed('1') }],
    calls: ['find'],
    result: confirmed('1'),
  })
  t.strictSame((await made([intended], undefined)).calls, ['find', 'make'])
  t.strictSame(await made([confirmed('3')], undefined), { events: [], calls: [], result: confirmed('3') })
})

t.test('what a record lists is removed last first, and each is ticked off', async (t) => {
  const resources: readonly Resource[] = ['key', 'server', 'odd'].map((kind) => ({
    kind,
    key: kind,
    state: 'made',
  }))
  const seen: string[] = []
  const note = (resource: Resource): Promise<void> => {
    seen.push(`removing ${resource.key}`)
    return Promise.resolve()
  }
  for await (const event of removeResources(resources, { key: note, server: note }))
    if (event.type === 'removed') seen.push(`removed ${event.key}`)
  t.strictSame(seen, ['removed odd', 'removing server', 'removed server', 'removing key', 'removed key'])
})
