import type { AccessRules, DriverAccount, DriverEvent, FoundResource } from '../../../../contracts/driver.js'
import { firewallsOver } from '../../../common/firewalls-over.js'
import { NEVER, type Rule } from './checks.js'
import { named, plainJson } from './crash.js'
import { Trial } from './trial.js'

const NARROW: AccessRules = { ssh: ['203.0.113.7/32'], engine: ['203.0.113.7/32'] }
const WIDER: AccessRules = { ssh: ['203.0.113.7/32', '2001:db8::/64'], engine: ['203.0.113.7/32'] }

/** What drivers with the capabilities `access` and `inventory` keep besides. */
export const CLOUD_RULES: Readonly<Record<string, Rule>> = {
  'setAccess announces what it makes, changes nothing the second time, and is removed with the machine':
    async (t, subject) => {
      const trial = await Trial.begin(subject)
      if (!trial.factory.capabilities.access) return
      const driver = await trial.open()
      await trial.create(driver)
      for (const rules of [NARROW, NARROW, WIDER]) {
        const before = trial.resources
        const announced = new Set<string>()
        for await (const event of driver.setAccess?.(trial.machine(), rules, NEVER) ?? []) {
          plainJson(t, event, event.type)
          if (event.type === 'intent') announced.add(named(event))
          if (event.type === 'made' && !isKnown(before, event))
            t.ok(announced.has(named(event)), `${named(event)} was announced`)
          trial.apply(event)
        }
        t.strictSame(
          trial.resources.filter(({ state }) => state !== 'made'),
          [],
          'nothing is only intended',
        )
      }
      const settled = trial.resources
      await trial.record(driver.setAccess?.(trial.machine(), WIDER, NEVER) ?? none())
      t.strictSame(byName(trial.resources), byName(settled), 'the same rules again change nothing')
      await trial.remove(driver)
    },

  'setAccess that was cut after any event can be done again and leaves nothing behind': async (
    t,
    subject,
  ) => {
    const first = await Trial.begin(subject)
    if (!first.factory.capabilities.access) return
    for (let cut = 0; cut < 4; cut++) {
      const trial = await Trial.begin(subject)
      const driver = await trial.open()
      await trial.create(driver)
      const events = driver.setAccess?.(trial.machine(), NARROW, NEVER)[Symbol.asyncIterator]()
      for (let seen = 0; seen < cut; seen++) {
        const step = await events?.next()
        if (!step || step.done) break
        trial.apply(step.value)
      }
      if (cut % 2 === 0) await trial.record(driver.setAccess?.(trial.machine(), WIDER, NEVER) ?? none())
      await trial.remove(await trial.open())
      t.strictSame(await subject.leftovers(), [], `cut after ${cut} events`)
    }
  },

  'inventory finds by tag what create made, and nothing after remove': async (t, subject) => {
    const trial = await Trial.begin(subject)
    if (!trial.factory.capabilities.inventory) return
    const driver = await trial.open()
    await trial.create(driver)
    const found = await ours(trial)
    plainJson(t, found, 'inventory')
    const machine = trial.machine()
    const servers = found.filter(({ resource }) => resource.tags?.['tsmachine-id'] === machine.id)
    t.ok(
      servers.some(({ state }) => state === subject.freshState),
      'the server is among them, with its state',
    )
    for (const { resource, name } of found) {
      t.equal(resource.state, 'made', name)
      t.ok(resource.id, `${name} has an id`)
    }
    const ids = found.map(({ resource }) => resource.id)
    for (const { kind, id } of trial.resources.filter(({ kind: each }) => kinds(found).has(each)))
      t.ok(ids.includes(id), `${kind} ${id} is found`)
    await trial.remove(driver)
    t.strictSame(await ours(trial), [])
  },

  'label replaces a tag and keeps the others': async (t, subject) => {
    const trial = await Trial.begin(subject)
    if (!trial.factory.capabilities.inventory) return
    const driver = await trial.open()
    await trial.create(driver)
    const before = await serverTags(trial)
    for (const print of ['a'.repeat(64), 'b'.repeat(64), 'b'.repeat(64)]) {
      await driver.label?.(trial.machine(), { 'tsmachine-hostkey': print }, NEVER)
      t.strictSame(await serverTags(trial), { ...before, 'tsmachine-hostkey': print })
    }
    // What adoption writes.
    const whose = { 'tsmachine-store': 'e'.repeat(32) }
    await driver.label?.(trial.machine(), whose, NEVER)
    const found = (await driver.inventory?.(account(trial), NEVER)) ?? []
    const server = found.find(
      ({ resource }) => resource.tags?.['tsmachine-id'] === trial.machine().id && resource.kind === 'server',
    )
    t.match(server?.resource.tags, { ...before, ...whose })
    await trial.remove(driver)
  },

  'what inventory found can be adopted: it is reached as before, and removed': async (t, subject) => {
    const trial = await Trial.begin(subject)
    const { factory } = trial
    t.equal('adopt' in factory, factory.capabilities.inventory, 'adopt comes with inventory')
    if (!factory.capabilities.inventory) return
    const driver = await trial.open()
    await trial.create(driver)
    const endpoint = driver.endpoint(trial.machine())
    const others = trial.resources
    const server = (await ours(trial)).find(({ state }) => state !== undefined)
    const adopted = server && factory.adopt?.(account(trial), server)
    t.ok(adopted, 'there is something to adopt')
    trial.resources = adopted?.resources ?? []
    // Secrets are added by the machine layer, as for any record.
    const machine = { ...trial.machine(), config: { ...trial.config, ...adopted?.config } }
    plainJson(t, adopted, 'what was adopted')
    t.strictSame(driver.endpoint(machine), endpoint)
    t.match(await driver.states([machine], NEVER), [{ id: machine.id, state: subject.freshState }])
    const over = server ? firewallsOver(server, await ours(trial)) : []
    trial.resources = [...trial.resources, ...over.map(({ resource }) => resource)]
    await trial.record(
      driver.setAccess?.({ ...machine, resources: trial.resources }, NARROW, NEVER) ?? none(),
    )
    const { uses = [] } = (await ours(trial)).find(({ state }) => state !== undefined) ?? {}
    t.equal(uses.length, 1, 'it is under one firewall')
    t.not(uses[0], server?.uses?.[0], 'which is another one')
    trial.resources = [...others, ...trial.resources.filter(({ kind }) => kind === 'firewall')]
    await trial.remove(driver)
  },
}

const account = (trial: Trial): DriverAccount => ({
  storeId: trial.machine().storeId,
  config: trial.config,
})

async function ours(trial: Trial): Promise<readonly FoundResource[]> {
  const driver = await trial.open()
  const found = (await driver.inventory?.(account(trial), NEVER)) ?? []
  return found.filter(({ resource }) => resource.tags?.['tsmachine-store'] === trial.machine().storeId)
}

async function serverTags(trial: Trial): Promise<Readonly<Record<string, string>> | undefined> {
  return (await ours(trial)).find(({ state }) => state !== undefined)?.resource.tags
}

const kinds = (found: readonly FoundResource[]): ReadonlySet<string> =>
  new Set(found.map(({ resource }) => resource.kind))

function isKnown(resources: Trial['resources'], event: DriverEvent & { type: 'made' }): boolean {
  return resources.some(({ kind, key }) => kind === event.resource.kind && key === event.resource.key)
}

function byName(resources: Trial['resources']): Trial['resources'] {
  return resources.toSorted((a, b) => (`${a.kind} ${a.key}` < `${b.kind} ${b.key}` ? -1 : 1))
}

async function* none(): AsyncIterable<DriverEvent> {
  // A driver without the member.
}
