import t from 'tap'
import type { DriverEvent } from '../../../../src/contracts/driver.js'
import {
  defineDriver,
  type DriverWork,
  makeResource,
  removeResources,
} from '../../../../src/drivers/package/kit/index.js'
import { packageContract, type Runner } from '../../../../src/drivers/package/kit/testing/index.js'

/** Servers of the smallest provider there is. */
let servers: string[] = []

/** A sound driver with something else in its place. */
function driverWith(faulty: Partial<DriverWork>, power = true) {
  const flags = [{ name: 'acme-size', key: 'size', type: 'integer', summary: 'Size' }] as const
  const nothing = async function* (): AsyncGenerator<DriverEvent> {}
  const open = (): DriverWork => ({
    preflight: async (_spec, signal) => (signal.throwIfAborted(), []),
    async *create({ machine, resources }, signal) {
      signal.throwIfAborted()
      const { id } = machine
      const find = async () => (servers.includes(id) ? { id } : undefined)
      const make = async () => {
        servers.push(id)
        return { id }
      }
      yield* makeResource(resources, { kind: 'server', key: id }, { find, make })
    },
    states: async (machines, signal) => {
      signal.throwIfAborted()
      return machines.map(({ id }) => ({ id, state: servers.includes(id) ? 'Running' : 'Error' }))
    },
    async *remove({ resources, id }, signal) {
      signal.throwIfAborted()
      const server = async (): Promise<void> => void (servers = servers.filter((each) => each !== id))
      yield* removeResources(resources, { server })
    },
    ...(power ? { start: nothing, stop: nothing, kill: nothing } : {}),
    ...faulty,
  })
  return defineDriver({ contract: '1.0.0', name: 'acme', summary: 'Servers', flags, open })
}

/** Titles of the rules that a driver breaks. */
async function broken(driver: ReturnType<typeof driverWith>): Promise<readonly string[]> {
  servers = []
  const failed: string[] = []
  const running: Promise<void>[] = []
  const inner: Runner = {
    test: async (name, body) => {
      servers = []
      await body(inner).catch(() => failed.push(name))
    },
  }
  packageContract({ test: (_name, body) => running.push(body(inner)) }, driver, () => ({
    good: { 'acme-size': 1 },
    bad: { 'acme-size': 'x', 'acme-sise': 1 },
    faults: [/whole number/, /did you mean --acme-size/],
    leftovers: async () => servers,
    count: async () => servers.length,
  }))
  await Promise.all(running)
  return failed
}

t.test('a sound driver breaks no rule', async (t) => {
  t.strictSame(await broken(driverWith({})), [])
})

t.test('a driver without the members of its capabilities is found out', async (t) => {
  t.strictSame(await broken(driverWith({}, false)), ['capabilities say what the driver has'])
})

t.test('a driver that makes before it announces is found out', async (t) => {
  const faulty = driverWith({
    async *create({ machine: { id } }, signal) {
      signal.throwIfAborted()
      servers.push(id)
      yield { type: 'made', resource: { kind: 'server', key: id, id, state: 'made' } }
    },
  })
  const titles = (await broken(faulty)).join('\n')
  t.match(titles, /everything is announced before it is made/)
  t.match(titles, /create resumes after a crash at any event and makes no second machine/)
})

t.test('a driver that removes only what its record has as made is found out', async (t) => {
  const faulty = driverWith({
    async *remove({ resources }, signal) {
      signal.throwIfAborted()
      for (const { kind, key, state } of resources) {
        if (state === 'made') servers = servers.filter((each) => each !== key)
        yield { type: 'removed', kind, key }
      }
    },
  })
  t.match(
    (await broken(faulty)).join('\n'),
    /a crash after any event leaves a record from which remove works/,
  )
})

t.test('a driver that is deaf to the signal is found out', async (t) => {
  const faulty = driverWith({
    states: async (machines) => machines.map(({ id }) => ({ id, state: 'Running' })),
  })
  t.match((await broken(faulty)).join('\n'), /calls with an aborted signal do nothing/)
})
