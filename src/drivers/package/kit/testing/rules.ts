import { abortedCreate, countEvents, crashedAfter, named, plainJson } from './crash.js'
import { NEVER, type Rule } from './checks.js'
import { CLOUD_RULES } from './cloud-rules.js'
import { Trial } from './trial.js'

const ALL_DRIVERS: Readonly<Record<string, Rule>> = {
  'flags are data with unique names, keys and variables': async (t, subject) => {
    const { flags } = await subject.load()
    plainJson(t, flags, 'flags')
    for (const field of ['name', 'key', 'env'] as const) {
      const values = flags.flatMap((flag) => flag[field] ?? [])
      t.equal(new Set(values).size, values.length, field)
    }
    for (const flag of flags) {
      t.match(flag.name, /^[a-z][a-z0-9-]*$/, flag.name)
      t.ok(flag.summary.length > 3, `${flag.name} has a summary`)
    }
  },

  'an unknown flag is refused, a near one is offered': async (t, subject) => {
    const factory = await subject.load()
    const [first] = factory.flags
    const typo = `${first?.name ?? 'flag'}x`
    const parsed = factory.parse({ ...subject.good, [typo]: 'y' })
    t.match(parsed, { ok: false, faults: [new RegExp(`${typo}.*${first?.name}`)] })
  },

  'all faults of a config are reported at once': async (t, subject) => {
    const parsed = (await subject.load()).parse(subject.bad)
    const faults = parsed.ok ? [] : parsed.faults
    for (const fault of subject.faults)
      t.ok(
        faults.some((text) => fault.test(text)),
        `${fault} in ${faults.join('; ')}`,
      )
  },

  'config, fields, events, resources and endpoint are plain JSON': async (t, subject) => {
    const trial = await Trial.begin(subject)
    const driver = await trial.open()
    plainJson(t, trial.config, 'config')
    for await (const event of driver.create(trial.spec(), NEVER)) {
      plainJson(t, event, event.type)
      trial.apply(event)
    }
    const fields = trial.factory.record.toFields(trial.config, trial.resources)
    plainJson(t, fields, 'fields of config.json')
    plainJson(t, driver.endpoint(trial.machine()), 'endpoint')
    plainJson(t, trial.factory.capabilities, 'capabilities')
    const back = trial.factory.record.fromFields(fields, { config: trial.config, resources: trial.resources })
    plainJson(t, back, 'config from config.json')
    await trial.remove(driver)
  },

  'everything is announced before it is made, and removed afterwards': async (t, subject) => {
    const trial = await Trial.begin(subject)
    const driver = await trial.open()
    const announced = new Set<string>()
    for await (const event of driver.create(trial.spec(), NEVER)) {
      if (event.type === 'intent') announced.add(named(event))
      if (event.type === 'made') t.ok(announced.has(named(event)), `${named(event)} was announced`)
      trial.apply(event)
    }
    t.strictSame(
      trial.resources.filter(({ state }) => state !== 'made'),
      [],
      'after create nothing is only intended',
    )
    if (subject.count) t.equal(await subject.count(), 1)
    await trial.remove(driver)
    t.strictSame(trial.resources, [], 'remove ticks off all that the record lists')
  },

  'states answers for many machines in one call, and localState agrees with it': async (t, subject) => {
    const trials = await Promise.all([1, 2, 3].map(() => Trial.begin(subject)))
    const [first] = trials
    if (!first) return
    const driver = await first.open()
    for (const trial of trials) await trial.create(driver)
    const before = subject.listCalls?.() ?? 0
    const machines = trials.map((trial) => trial.machine())
    const reports = await driver.states(machines, NEVER)
    if (subject.listCalls) t.equal(subject.listCalls() - before, 1, 'one list call')
    t.strictSame(reports.map(({ id }) => id).sort(), machines.map(({ id }) => id).sort())
    for (const { state } of reports) t.equal(state, subject.freshState)
    if (first.factory.capabilities.localState)
      for (const machine of machines) t.equal(driver.localState?.(machine), subject.freshState)
    for (const trial of trials) await trial.remove(driver)
  },

  'capabilities say what the driver has': async (t, subject) => {
    const factory = await subject.load()
    const driver = await factory.open(subject.deps)
    const { power, suspend, console, localState, forwards, access, inventory } = factory.capabilities
    const members = {
      ...{ start: power, stop: power, kill: power, suspend, console, localState, forwards },
      ...{ setAccess: access, inventory, label: inventory },
    }
    for (const [member, capability] of Object.entries(members))
      t.equal(member in driver && driver[member as keyof typeof members] !== undefined, capability, member)
  },

  'a crash after any event leaves a record from which remove works, twice': async (t, subject) => {
    const total = await countEvents(subject)
    for (let recorded = 0; recorded <= total; recorded++)
      for (const unrecorded of subject.lostEvents) {
        const trial = await crashedAfter(subject, recorded, unrecorded)
        const ledger = trial.resources
        await trial.remove(await trial.open())
        t.strictSame(trial.resources, [], `after ${recorded} events and ${unrecorded} lost`)
        t.strictSame(await subject.leftovers(), [], `after ${recorded} events and ${unrecorded} lost`)
        trial.resources = ledger
        await trial.remove(await trial.open())
        t.strictSame(trial.resources, [], 'removing again, when all is gone, succeeds')
      }
  },

  'create resumes after a crash at any event and makes no second machine': async (t, subject) => {
    const total = await countEvents(subject)
    for (let recorded = 0; recorded <= total; recorded++)
      for (const unrecorded of subject.lostEvents) {
        const trial = await crashedAfter(subject, recorded, unrecorded)
        const driver = await trial.open()
        await trial.create(driver)
        if (subject.count)
          t.equal(await subject.count(), 1, `after ${recorded} events and ${unrecorded} lost`)
        t.match((await driver.states([trial.machine()], NEVER))[0], { state: subject.freshState })
        await trial.remove(driver)
      }
  },

  'an abort at any event or await stops create with its reason, and remove works': async (t, subject) => {
    const total = await countEvents(subject)
    for (let after = 0; after <= total; after++)
      for (const delayMs of subject.abortDelaysMs) {
        const trial = await Trial.begin(subject)
        const reason = new Error(`stopped ${delayMs} ms after event ${after}`)
        const outcome = await abortedCreate(trial, after, delayMs, reason)
        t.ok(outcome === reason || outcome === 'done', `${reason.message}: ${String(outcome)}`)
        await trial.remove(await trial.open())
        t.strictSame(await subject.leftovers(), [], reason.message)
      }
  },

  'calls with an aborted signal do nothing': async (t, subject) => {
    const trial = await Trial.begin(subject)
    const driver = await trial.open()
    const aborted = AbortSignal.abort(new Error('too late'))
    await t.rejects(driver.preflight(trial.spec(), aborted), /too late/)
    await t.rejects(driver.states([trial.machine()], aborted), /too late/)
    await t.rejects(trial.create(driver, aborted), /too late/)
    await t.rejects(trial.remove(driver, aborted), /too late/)
  },
}

/** The rules of docs/writing-a-driver.md, by their titles. */
export const RULES: Readonly<Record<string, Rule>> = { ...ALL_DRIVERS, ...CLOUD_RULES }
