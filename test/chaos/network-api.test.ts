/** Answers of a cloud's API that are lost or damaged on their way, while a machine is made and removed. */
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { FlagValues, JsonObject } from '../../src/contracts/driver.js'
import { isMachineError } from '../../src/contracts/errors.js'
import { collectFlagValues } from '../../src/drivers/common/flags.js'
import { loadFactory } from '../../src/drivers/registry.js'
import { TOKEN } from '../doubles/cloud/index.js'
import { DigitalOceanDouble } from '../doubles/digitalocean/index.js'
import { CREDENTIAL, Ec2Double } from '../doubles/ec2/index.js'
import { HetznerDouble } from '../doubles/hetzner/index.js'
import { type CloudTask, machineOf, openDriver, perform, recorded } from '../helpers/cloud-worker.js'
import { DAMAGES, type DamageName, DamagingProxy } from '../helpers/damaging-proxy.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { connectionsTo } from '../helpers/far-host.js'
import { FastClock } from '../helpers/fast-clock.js'
import { NEVER } from '../helpers/never.js'
import { poll } from '../helpers/poll.js'
import { type Trial, trials } from '../helpers/trials.js'

t.setTimeout(process.env['TSMACHINE_SIZES'] === 'campaign' ? 3_600_000 : 600_000)

const SPEED = 50
const HERE = ['198.51.100.7/32']
const TIMES = { boot: 500, power: 200, remove: 500 }
const NAMES = Object.keys(DAMAGES) as DamageName[]
const EXTRA = {
  seed: { metaData: '', userData: '#cloud-config\n{"hostname":"m"}\n' },
  placeholderKey:
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHm0NPpN1YhDqhOVr7KFgpwEUWhkdOqTWbzjvHlUIzcS tsmachine',
  access: { ssh: ['0.0.0.0/0', '::/0'], engine: [] },
}

interface Double {
  readonly url: string
  readonly violations: readonly string[]
  inventory(): readonly string[]
  close(): Promise<void>
}

interface Cloud {
  readonly driver: string
  /** As texts and inventories have it. */
  readonly provider: RegExp
  readonly server: RegExp
  start(): Promise<Double>
  readonly flags: (url: string) => FlagValues
}

const CLOUDS: readonly Cloud[] = [
  {
    driver: 'digitalocean',
    provider: /DigitalOcean/,
    server: /^droplet/,
    start: () => DigitalOceanDouble.start({ clock: new FastClock(SPEED), limits: false, times: TIMES }),
    flags: (url) => ({ 'digitalocean-access-token': TOKEN, 'digitalocean-api-url': url }),
  },
  {
    driver: 'hetzner',
    provider: /Hetzner/,
    server: /^server/,
    start: () => HetznerDouble.start({ clock: new FastClock(SPEED), limits: false, times: TIMES }),
    flags: (url) => ({ 'hetzner-api-token': TOKEN, 'hetzner-endpoint': url, 'hetzner-auto-spread': true }),
  },
  {
    driver: 'amazonec2',
    provider: /EC2|AWS/,
    server: / instance /,
    start: () => Ec2Double.start({ clock: new FastClock(SPEED), rates: false }),
    flags: (url) => ({
      'amazonec2-access-key': CREDENTIAL.accessKeyId,
      'amazonec2-secret-key': CREDENTIAL.secretAccessKey,
      'amazonec2-endpoint': url,
      'amazonec2-region': 'us-east-1',
    }),
  },
]

for (const cloud of CLOUDS)
  t.test(
    `${cloud.driver}: whatever becomes of an answer, no server is made twice and none is left`,
    async (t) => {
      const double = await cloud.start()
      const proxy = await DamagingProxy.to(double.url)
      t.teardown(async () => {
        await proxy.close()
        await double.close()
      })
      const dir = scratchDir(t)
      const config = await configOf(cloud, proxy.url)
      const bench = { cloud, double, proxy, dir, config }
      const requests = await whole(bench)
      const one = (trial: Trial) => damaged(bench, requests, trial)
      await trials(t, `network: an answer of ${cloud.driver} is damaged`, 'apiFaults', one)
      t.same(double.violations, [])
    },
  )

interface Bench {
  readonly cloud: Cloud
  readonly double: Double
  readonly proxy: DamagingProxy
  readonly dir: string
  readonly config: JsonObject
}

async function configOf({ driver, flags }: Cloud, url: string): Promise<JsonObject> {
  const factory = await loadFactory(driver)
  const parsed = factory.parse(collectFlagValues(factory.flags, flags(url), {}).values)
  if (!parsed.ok) throw new Error(parsed.faults.join())
  return parsed.config
}

/** Requests of a create and a remove without faults. */
async function whole(bench: Bench): Promise<{ readonly create: number; readonly remove: number }> {
  const task = taskOf(bench, 0)
  await run(task, 'create')
  const create = bench.proxy.count
  await run(task, 'remove')
  const remove = bench.proxy.count - create
  if (bench.double.inventory().length > 0) throw new Error(bench.double.inventory().join())
  return { create, remove }
}

async function damaged(
  bench: Bench,
  requests: { readonly create: number; readonly remove: number },
  { index, pick, next }: Trial,
): Promise<void> {
  const { proxy, double, cloud } = bench
  const task = taskOf(bench, index + 1)
  const verb = pick(['create', 'create', 'remove'] as const)
  const name = pick(NAMES)
  const times = pick([1, 1, 2, 20])
  const at = 1 + next(requests[verb])
  const story: unknown[] = [verb, name, at, times]
  try {
    if (verb === 'remove') await run(task, 'create')
    Object.assign(proxy, { count: 0, damage: { name, at, times } })
    const failure = await failureOf(run(task, verb))
    story.push(failure ?? 'it went well')
    if (failure !== undefined && !cloud.provider.test(failure)) throw new Error('it does not say whose fault')
    proxy.damage = undefined
    const servers = serversOf(bench)
    if (servers.length > 1) throw new Error(`servers: ${servers.join(', ')}`)
    await run(task, verb)
    if (verb === 'create') await checkMade(bench, task)
    await run(task, 'remove')
    if (double.inventory().length > 0) throw new Error(`left: ${double.inventory().join(', ')}`)
    if (recorded(task).length > 0) throw new Error('recorded although removed')
    await poll(10_000, () => Promise.resolve(connectionsTo([proxy.port]) === 0))
  } catch (cause) {
    throw new Error(`${JSON.stringify(story)}: ${String(cause)}`, { cause })
  } finally {
    proxy.damage = undefined
    // A case that failed must not spoil the next.
    await run(task, 'remove').catch(() => undefined)
    if (process.env['TSMACHINE_STORY']) process.stderr.write(`${index} ${JSON.stringify(story)}\n`)
    rmSync(join(task.record, '..'), { recursive: true, force: true })
  }
}

/** Those that run, or will. */
function serversOf({ double, cloud }: Bench): readonly string[] {
  return double.inventory().filter((each) => cloud.server.test(each))
}

async function checkMade(bench: Bench, task: CloudTask): Promise<void> {
  const driver = await openDriver(task)
  const states = await driver.states([machineOf(task)], NEVER)
  if (states[0]?.state !== 'Running') throw new Error(`it is ${JSON.stringify(states)}`)
  const servers = serversOf(bench)
  if (servers.length !== 1) throw new Error(`servers: ${servers.join(', ')}`)
  const open = recorded(task).filter(({ state }) => state !== 'made')
  if (open.length > 0) throw new Error(`only intended: ${JSON.stringify(open)}`)
}

/** As a command does it, in a process of its own. */
async function run(task: CloudTask, verb: CloudTask['verb']): Promise<void> {
  if (verb === 'remove' && !existsSync(task.record)) return
  const now = { ...task, verb }
  await perform(now, await openDriver(now))
}

async function failureOf(work: Promise<void>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (!isMachineError(error) || error.code === 'bug') throw error
    if (error.hints.length === 0) throw new Error(`no hint: ${error.message}`, { cause: error })
    return error.message
  }
}

function taskOf({ cloud, dir, config }: Bench, number: number): CloudTask {
  const folder = join(dir, `m${number}`)
  mkdirSync(folder, { recursive: true })
  const machine = { name: `m${number}`, id: number.toString(16).padStart(32, '0'), storeId: 'f'.repeat(32) }
  const access = { ssh: HERE, engine: HERE }
  const record = join(folder, 'record.json')
  const fixed = { driver: cloud.driver, verb: 'create', extra: EXTRA, speed: SPEED } as const
  return { ...fixed, machine, access, record, config }
}
