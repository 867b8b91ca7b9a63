import t from 'tap'
import type { DriverMachine, MachineSpec } from '../../../../../src/contracts/driver.js'
import type { Resource } from '../../../../../src/contracts/record.js'
import type { CloudAccount, CloudServer } from '../../../../../src/drivers/common/cloud/account.js'
import type { Part } from '../../../../../src/drivers/common/cloud/part.js'
import { releaseShared, takeShared } from '../../../../../src/drivers/common/cloud/shared.js'
import { NEVER } from '../../../../helpers/never.js'

/** The digits of a store that names hold. */
const STORE = 'abcdef01'

/** An account whose keys are names in a set, with a count of calls; records and servers of others as the test says. */
class Account {
  readonly keys = new Set<string>()
  calls: string[] = []
  others: readonly string[] = []
  servers: readonly Partial<CloudServer>[] = []
  failure: Error | undefined
  slow: Promise<void> = Promise.resolve()
  readonly desk = {
    exclusive: async <T>(_on: unknown, work: () => Promise<T>) => await work(),
    referredBy: () => this.others,
  }

  async listServers(): Promise<readonly Partial<CloudServer>[]> {
    this.calls.push('list')
    return await Promise.resolve(this.servers)
  }

  readonly part: Part<CloudAccount> = {
    kind: 'key',
    text: 'key',
    shared: true,
    keys: () => ['k'],
    find: (_account, { key }) => {
      this.calls.push('find')
      return Promise.resolve(this.keys.has(key) ? { id: key } : undefined)
    },
    make: async (_account, { key }, signal) => {
      this.calls.push('make')
      await this.slow
      await new Promise((resolve) => setImmediate(resolve))
      signal.throwIfAborted()
      if (this.failure) throw this.failure
      this.keys.add(key)
      return { id: key }
    },
    remove: (_account, { key }) => {
      this.calls.push('remove')
      this.keys.delete(key)
      return Promise.resolve()
    },
  }

  get cloud(): CloudAccount {
    return this as unknown as CloudAccount
  }

  async take(id: string, signal = NEVER): Promise<string> {
    const spec = { machine: machine(id) } as unknown as MachineSpec
    return (await takeShared(this.cloud, this.part, { spec, key: 'k', made: {} }, signal)).id
  }

  async release(id: string): Promise<boolean> {
    const resource: Resource = { kind: 'key', key: 'k', id: 'k', state: 'made' }
    return await releaseShared(this.cloud, this.part, machine(id), resource, NEVER)
  }
}

function machine(id: string): DriverMachine {
  return { id, name: id, storeId: STORE, dir: '/', config: {}, resources: [] }
}

t.test('many machines at once find and make one', async (t) => {
  const account = new Account()
  const ids = Array.from({ length: 100 }, (_value, index) => `m${index}`)
  t.strictSame([...new Set(await Promise.all(ids.map((id) => account.take(id))))], ['k'])
  t.strictSame(account.calls, ['find', 'make'])
  for (const id of ids.slice(1)) await account.release(id)
  t.strictSame(account.calls, ['find', 'make'], 'as long as one has it nobody is asked')
  await account.release('m0')
  t.strictSame(account.calls, ['find', 'make', 'list', 'remove'])
  await account.take('later')
  t.ok(account.keys.has('k'), 'and it is made again for the next one')
})

t.test('it stays while a record of another process or a forgotten server needs it', async (t) => {
  const account = new Account()
  await account.take('a')
  account.others = ['b']
  t.equal(await account.release('a'), false, 'and the caller knows')
  t.ok(account.keys.has('k'))
  account.others = []
  account.servers = [{ tags: { 'tsmachine-store': `${STORE}ffff`, 'tsmachine-id': 'lost' } }]
  await account.release('a')
  t.ok(account.keys.has('k'))
  account.servers = [
    { tags: { 'tsmachine-store': 'another', 'tsmachine-id': 'x' } },
    { tags: { 'tsmachine-store': STORE, 'tsmachine-id': 'a' } },
  ]
  await account.release('a')
  t.notOk(account.keys.has('k'), "other stores' servers and its own do not count")
})

t.test('who is stopped ends at once, and the others get what is being made', async (t) => {
  for (const quitter of [0, 1]) {
    const account = new Account()
    let finish: () => void = () => undefined
    account.slow = new Promise((resolve) => (finish = resolve))
    const stops = [new AbortController(), new AbortController()]
    const machines = stops.map(({ signal }, index) => account.take(`m${index}`, signal))
    stops[quitter]?.abort(new Error('stopped'))
    await t.rejects(machines[quitter] ?? Promise.resolve(''), /stopped/, 'while it is being made')
    finish()
    t.equal(await machines[1 - quitter], 'k')
    t.strictSame(account.calls, ['find', 'make'])
  }
})

t.test('who was stopped before begins nothing', async (t) => {
  const account = new Account()
  await t.rejects(account.take('a', AbortSignal.abort(new Error('stopped'))), /stopped/)
  t.strictSame(account.calls, [], 'nobody would wait for it')
})

t.test('when all are stopped the last one waits for the end, and the next one makes it', async (t) => {
  const account = new Account()
  const stop = new AbortController()
  const machines = ['a', 'b'].map((id) => account.take(id, stop.signal))
  stop.abort(new Error('stopped'))
  const next = account.take('c')
  for (const machine of machines) await t.rejects(machine, /stopped/)
  t.equal(await next, 'k')
  t.equal(await account.take('d'), 'k')
})

t.test('a refusal is told to all who wait, and the next one tries again', async (t) => {
  const account = new Account()
  account.failure = new Error('no more keys')
  for (const machine of [account.take('a'), account.take('b')]) await t.rejects(machine, /no more keys/)
  t.strictSame(account.calls, ['find', 'make'])
  account.failure = undefined
  t.equal(await account.take('c'), 'k')
})
