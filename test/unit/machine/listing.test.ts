import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DriverFactory } from '../../../src/contracts/driver.js'
import type { JsonObject } from '../../../src/contracts/json.js'
import { factory as none } from '../../../src/drivers/none/index.js'
import { activeMachine } from '../../../src/machine/active.js'
import type { MachineContext } from '../../../src/machine/context.js'
import { listNames } from '../../../src/machine/list-names.js'
import { listMachines, type ListRow } from '../../../src/machine/list.js'
import { filterRecords, parseFilter } from '../../../src/machine/list-filter.js'
import { scratchDir } from '../../helpers/driver-deps.js'
import { machineContext } from '../../helpers/machine-context.js'
import { dockerMachineRecord } from '../../helpers/records.js'

interface Wish {
  readonly driver?: string
  readonly url?: string
  readonly swarm?: JsonObject
  readonly engine?: JsonObject
}

/** A record as docker-machine leaves it: one file. */
function recordByDockerMachine(ctx: MachineContext, name: string, wish: Wish = {}): void {
  const record = JSON.parse(dockerMachineRecord('none')) as Record<string, JsonObject>
  const { Driver = {}, HostOptions = {} } = record
  const part = (key: string): JsonObject => HostOptions[key] as JsonObject
  const url = wish.url ?? 'tcp://127.0.0.1:1'
  const dir = join(ctx.store.root, 'machines', name)
  mkdirSync(dir, { recursive: true })
  const whole = {
    ...record,
    Name: name,
    DriverName: wish.driver ?? 'none',
    Driver: { ...Driver, MachineName: name, URL: url },
    HostOptions: {
      ...HostOptions,
      SwarmOptions: { ...part('SwarmOptions'), ...wish.swarm },
      EngineOptions: { ...part('EngineOptions'), ...wish.engine },
    },
  }
  writeFileSync(join(dir, 'config.json'), JSON.stringify(whole))
}

function context(t: Test, options: Partial<Parameters<typeof machineContext>[0]> = {}): MachineContext {
  return machineContext({ dir: scratchDir(t), ...options })
}

/** A driver of which one part never answers. */
function hanging(name: string, part: 'open' | 'states'): DriverFactory {
  const never = new Promise<never>(() => undefined)
  return {
    ...none,
    name,
    async open(deps) {
      if (part === 'open') return await never
      const driver = await none.open(deps)
      return Object.assign(Object.create(driver) as typeof driver, { states: () => never })
    },
  }
}

const names = (rows: readonly ListRow[]): readonly string[] => rows.map((row) => row.name)
const TOKEN = { IsSwarm: true, Discovery: 'token://abc', Host: 'tcp://0.0.0.0:3376' }

t.test('ls: one deadline for all, whatever does not answer, and the others keep their answers', async (t) => {
  const ctx = context(t, {
    factories: { mute: hanging('mute', 'open'), still: hanging('still', 'states') },
  })
  recordByDockerMachine(ctx, 'a', { driver: 'mute' })
  recordByDockerMachine(ctx, 'b', { driver: 'still' })
  recordByDockerMachine(ctx, 'c', { url: '' })
  const rows = await listMachines(ctx, { filters: [], timeoutMs: 400 })
  t.match(rows, [
    { name: 'a', state: 'Timeout', url: '', error: '' },
    { name: 'b', state: 'Timeout', url: '', error: '' },
    { name: 'c', state: /^(Running|)$/ },
  ])
})

t.test('ls tells rows as they come: first what records say, each answer, and never fewer rows', async (t) => {
  const ctx = context(t, { factories: { still: hanging('still', 'states') } })
  recordByDockerMachine(ctx, 'slow', { driver: 'still' })
  recordByDockerMachine(ctx, 'fast')
  const told: (readonly ListRow[])[] = []
  const rows = await listMachines(ctx, {
    filters: [],
    timeoutMs: 500,
    progress: (known) => told.push(known()),
  })
  t.match(told[0], [
    { name: 'fast', pending: true, driver: 'none', state: '' },
    { name: 'slow', pending: true, driver: 'still', state: '' },
  ])
  t.match(told[1], [
    { name: 'fast', pending: undefined, state: 'Running' },
    { name: 'slow', pending: true },
  ])
  t.same(told.at(-1), rows)
  t.notOk(rows.some((row) => row.pending))
})

t.test('with a state filter a row is told only when its state is known', async (t) => {
  const ctx = context(t, { factories: { still: hanging('still', 'states') } })
  recordByDockerMachine(ctx, 'slow', { driver: 'still' })
  recordByDockerMachine(ctx, 'fast')
  const told: (readonly string[])[] = []
  const options = { timeoutMs: 300, progress: (known: () => readonly ListRow[]) => told.push(names(known())) }
  const running = await listMachines(ctx, { filters: [parseFilter('state=running')], ...options })
  t.same(told, [[], ['fast']])
  t.same(names(running), ['fast'])
  const late = await listMachines(ctx, { filters: [parseFilter('state=Timeout')], timeoutMs: 300 })
  t.same(names(late), ['slow'])
})

t.test('names that differ only in case are two rows', async (t) => {
  const ctx = context(t)
  for (const name of ['web10', 'Web2', 'web2', 'WEB2']) recordByDockerMachine(ctx, name, { url: '' })
  t.same(names(await listMachines(ctx, { filters: [], timeoutMs: 500 })), ['WEB2', 'Web2', 'web2', 'web10'])
})

t.test('a swarm: its master by name, the mark of DOCKER_HOST at its port, and the filter', async (t) => {
  const ctx = context(t, { env: { DOCKER_HOST: 'tcp://127.0.0.1:3376' } })
  recordByDockerMachine(ctx, 'queen', { url: 'tcp://127.0.0.1:1', swarm: { ...TOKEN, Master: true } })
  recordByDockerMachine(ctx, 'worker', { url: 'tcp://127.0.0.1:2', swarm: TOKEN })
  recordByDockerMachine(ctx, 'alone', { url: 'tcp://127.0.0.1:3' })
  t.match(await listMachines(ctx, { filters: [], timeoutMs: 2_000 }), [
    { name: 'alone', swarm: '', active: false, activeSwarm: false },
    { name: 'queen', swarm: 'queen (master)', active: false, activeSwarm: true },
    { name: 'worker', swarm: 'queen', active: false, activeSwarm: false },
  ])
  t.equal(await activeMachine(ctx, 1_000), 'queen')
  const filtered = async (...filters: string[]): Promise<readonly ListRow[]> =>
    await listMachines(ctx, { filters: filters.map(parseFilter), timeoutMs: 2_000 })
  t.same(names(await filtered('swarm=QUEEN')), ['queen', 'worker'])
  t.same(names(await filtered('swarm=queen', 'name=^w')), ['worker'])
  t.match(await filtered('name=worker'), [{ swarm: 'queen' }], 'also when the master is filtered away')
  t.same(names(await filtered('swarm=')), ['alone'], 'outside of all swarms')
})

t.test('what a row gives to templates is masked, labels without a value are labels', async (t) => {
  const ctx = context(t)
  recordByDockerMachine(ctx, 'web', {
    engine: { Env: ['API_TOKEN=abc', 'A=b'], Labels: ['plain', 'zone=A'] },
    url: '',
  })
  const [row] = await listMachines(ctx, { filters: [parseFilter('label=plain')], timeoutMs: 500 })
  t.match(row, { engineOptions: { Env: ['API_TOKEN=[secret]', 'A=b'] }, labels: ['plain', 'zone=A'] })
  for (const [filter, found] of [
    ['label=zone=a', true],
    ['label=zone', true],
    ['label=plain=', true],
    ['label=plain=x', false],
    ['label=Zone=a', false],
    ['LABEL=zone=b', false],
  ] as const)
    t.equal(listNames(ctx, [parseFilter(filter)]).names.length, found ? 1 : 0, filter)
})

t.test('a name filter is a regular expression of Go', async (t) => {
  const ctx = context(t)
  for (const name of ['web-1', 'WEB-2', 'db']) recordByDockerMachine(ctx, name)
  const found = (pattern: string): readonly string[] =>
    filterRecords(ctx.store.readAll(), [parseFilter(`name=${pattern}`)]).map((record) => record.name)
  t.same(found('(?i)^web'), ['WEB-2', 'web-1'])
  t.same(found('[[:digit:]]\\z'), ['WEB-2', 'web-1'])
  t.throws(() => parseFilter('name=[a'), {
    code: 'usage',
    message: 'Filter name=[a is not a regular expression: missing closing ]: `[a`',
  })
})

t.test('active: nothing matched, too many seconds, and a trailing slash', async (t) => {
  const point = (host: string): Partial<Parameters<typeof machineContext>[0]> => ({
    env: { DOCKER_HOST: host },
    factories: { mute: hanging('mute', 'open') },
  })
  const none = context(t, point('tcp://127.0.0.1:9'))
  recordByDockerMachine(none, 'web')
  await t.rejects(activeMachine(none, 500), { message: 'No active host found' })
  recordByDockerMachine(none, 'silent', { driver: 'mute' })
  await t.rejects(activeMachine(none, 200), {
    code: 'timeout',
    message: 'Error getting active host: timeout',
  })
  const found = context(t, point('tcp://127.0.0.1:1/'))
  recordByDockerMachine(found, 'web')
  recordByDockerMachine(found, 'silent', { driver: 'mute' })
  t.equal(await activeMachine(found, 60_000), 'web', 'without waiting for the others')
})

t.test('ls asks the states of all drivers side by side', async (t) => {
  let waiting = 0
  let release: () => void = () => undefined
  const together = new Promise<void>((resolve) => (release = resolve))
  const meeting = (name: string): DriverFactory => ({
    ...none,
    name,
    async open(deps) {
      const driver = await none.open(deps)
      return Object.assign(Object.create(driver) as typeof driver, {
        async states(machines: readonly { id: string }[]) {
          waiting++
          if (waiting === 3) release()
          await together
          return machines.map(({ id }) => ({ id, state: 'Stopped' as const }))
        },
      })
    },
  })
  const drivers = ['one', 'two', 'three']
  const ctx = context(t, { factories: Object.fromEntries(drivers.map((name) => [name, meeting(name)])) })
  for (const driver of drivers) recordByDockerMachine(ctx, driver, { driver })
  const rows = await listMachines(ctx, { filters: [], timeoutMs: 20_000 })
  t.same(
    rows.map((row) => row.state),
    ['Stopped', 'Stopped', 'Stopped'],
  )
})
