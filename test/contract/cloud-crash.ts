/**
 * kill -9 at every request that a create or a rm sends to its provider: the client dies with the request, whether the
 * provider acts on it or never gets it. Then rm, resume or a removal by inventory must bring everything in order.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { FlagValues, FoundResource, JsonObject, MachineSpec } from '../../src/contracts/driver.js'
import { collectFlagValues } from '../../src/drivers/common/flags.js'
import { loadFactory } from '../../src/drivers/registry.js'
import { type CloudTask, machineOf, openDriver, perform, recorded } from '../helpers/cloud-worker.js'
import { compileInto } from '../helpers/compiled.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { NEVER } from '../helpers/never.js'
import type { Fault } from '../doubles/cloud/index.js'
import { size } from '../sizes.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const WORKER = 'test/helpers/cloud-worker.ts'
const HERE = ['198.51.100.7/32']

/** What a double is to the crashes; a method, so that it may tell its hook more. */
interface Watched {
  hook(request: { readonly number: number; readonly operation: string | undefined }): void | Promise<void>
}

interface CrashDouble {
  onRequest: Watched['hook']
  onActed: Watched['hook']
  readonly violations: readonly string[]
  fail(fault: Fault): void
  inventory(): readonly string[]
}

export interface CrashSubject {
  readonly driver: string
  readonly flags: FlagValues
  readonly extra: Partial<MachineSpec>
  readonly double: CrashDouble
  /** How many times as fast the double's clock goes. */
  readonly speed: number
}

type Verb = CloudTask['verb']
type Recovery = 'rm' | 'resume' | 'inventory'

interface CrashCase {
  readonly verb: Verb
  /** The request at which the client dies. */
  readonly at: number
  /** Whether the provider still acts on it. */
  readonly acted: boolean
  readonly recovery: Recovery
  /** Something has changed at the provider of which the client never heard: no sample is without these. */
  readonly vital: boolean
}

/** All cases of one driver, or a fair sample of them. */
export function cloudCrashes(t: Test, subject: (t: Test) => Promise<CrashSubject>): void {
  t.test('kill -9 at each request to the provider', async (t) => {
    const bench = new CrashBench(t, await subject(t))
    await bench.prepare()
    const all = [...(await bench.cases('create')), ...(await bench.cases('remove'))]
    const chosen = sample(all, size('crashRequests'))
    const outcomes = new Map<string, number>()
    for (const each of chosen) {
      const outcome = await bench.run(each)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
    const words = [...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', ')
    t.comment(`${bench.subject.driver}: ${chosen.length} of ${all.length} cases: ${words}`)
    t.ok(chosen.length > 0)
  })
}

function sample(all: readonly CrashCase[], most: number): readonly CrashCase[] {
  const vital = all.filter((each) => each.vital)
  const others = all.filter((each) => !each.vital)
  const count = Math.min(others.length, Math.max(0, most - vital.length))
  const some = Array.from(
    { length: count },
    (_value, index) => others[Math.floor((index * others.length) / count)],
  )
  return [...vital, ...some.filter((each) => each !== undefined)]
}

class CrashBench {
  readonly #dir: string
  #worker = ''
  #next: ChildProcess | undefined
  #config: JsonObject = {}
  #machines = 0

  constructor(
    private readonly t: Test,
    readonly subject: CrashSubject,
  ) {
    this.#dir = scratchDir(t)
  }

  async prepare(): Promise<void> {
    const program = join(this.#dir, 'program')
    mkdirSync(program)
    symlinkSync(join(ROOT, 'node_modules'), join(program, 'node_modules'))
    this.#worker = compileInto(program, [WORKER])(WORKER)
    const factory = await loadFactory(this.subject.driver)
    const parsed = factory.parse(collectFlagValues(factory.flags, this.subject.flags, {}).values)
    if (!parsed.ok) throw new Error(parsed.faults.join())
    this.#config = parsed.config
  }

  /** Each request of a whole run, acted on and not. */
  async cases(verb: Verb): Promise<readonly CrashCase[]> {
    const task = await this.#task(verb)
    const operations: string[] = []
    this.subject.double.onRequest = ({ operation = '' }) => void operations.push(operation)
    this.t.equal(await ended(this.#start(task)), 0, `a whole ${verb}`)
    this.subject.double.onRequest = () => undefined
    await this.#finish({ ...task, verb: 'remove' }, `after a whole ${verb}`)
    return operations.flatMap((operation, index) =>
      [true, false].map((acted, order) => {
        const vital = acted && !READS.test(operation)
        const turn = vital ? 0 : (2 * index + order) % RECOVERIES[verb].length
        return { verb, at: index + 1, acted, vital, recovery: RECOVERIES[verb][turn] ?? 'rm' }
      }),
    )
  }

  /** One death and what is done afterwards; says which. */
  async run(crash: CrashCase): Promise<string> {
    const task = await this.#task(crash.verb)
    const what = `${crash.verb}, request ${crash.at}${crash.acted ? '' : ', which never arrives'}`
    const killed = await this.#kill(task, crash)
    const found = await this.#inventory(task)
    this.t.ok(found.filter(({ state }) => state !== undefined).length <= 1, `${what}: at most one server`)
    this.t.strictSame(unrecorded(task, found), [], `${what}: nothing that the record does not name`)
    const { recovery } = crash
    if (recovery === 'resume') await this.#resume(task, what)
    else if (recovery === 'inventory') await this.#byInventory(task, found)
    await this.#finish({ ...task, verb: 'remove' }, `${what}, ${recovery}`)
    return killed ? recovery : 'not reached'
  }

  async #kill(task: CloudTask, { at, acted }: CrashCase): Promise<boolean> {
    const { double } = this.subject
    const child = this.#start(task)
    let seen = 0
    let fatal: number | undefined
    let over: () => void = () => undefined
    const isOver = new Promise<void>((resolve) => (over = resolve))
    double.onRequest = async ({ number, operation }) => {
      if (++seen !== at) return
      fatal = number
      child.kill('SIGKILL')
      await ended(child)
      if (acted) return
      double.fail({ kind: 'drop-before', ...(operation === undefined ? {} : { operation }) })
      over()
    }
    double.onActed = ({ number }) => {
      if (number === fatal) over()
    }
    const code = await ended(child)
    if (code === null) await isOver
    double.onRequest = () => undefined
    double.onActed = () => undefined
    if (code !== null) this.t.equal(code, 0, 'who is not killed succeeds')
    return code === null
  }

  async #resume(task: CloudTask, what: string): Promise<void> {
    const driver = await openDriver(task)
    await perform({ ...task, verb: 'create' }, driver)
    const found = await this.#inventory(task)
    this.t.strictSame(
      found.flatMap(({ state }) => state ?? []),
      ['Running'],
      `${what}: resumed, one server runs`,
    )
    this.t.match(await driver.states([machineOf(task)], NEVER), [{ state: 'Running' }], what)
    this.t.strictSame(
      recorded(task).filter(({ state }) => state !== 'made'),
      [],
      `${what}: nothing is only intended`,
    )
  }

  /** The record is lost: what bears our tags is removed as the inventory has it. */
  async #byInventory(task: CloudTask, found: readonly FoundResource[]): Promise<void> {
    const resources = found.map(({ resource }) => resource)
    for await (const _event of (await openDriver(task)).remove(machineOf(task, resources), NEVER));
    this.t.strictSame(this.#left(), [], 'by inventory alone')
  }

  /** rm, which may find nothing any more. */
  async #finish(task: CloudTask, what: string): Promise<void> {
    await perform(task, await openDriver(task))
    this.t.strictSame(recorded(task), [], `${what}: all is ticked off`)
    this.t.strictSame(this.#left(), [], `${what}: nothing is left`)
    rmSync(task.record, { force: true })
  }

  #left(): readonly string[] {
    const { double } = this.subject
    return [...double.inventory(), ...double.violations]
  }

  async #inventory(task: CloudTask): Promise<readonly FoundResource[]> {
    const account = { storeId: task.machine.storeId, config: task.config }
    return (await (await openDriver(task)).inventory?.(account, NEVER)) ?? []
  }

  /** For a remove the machine is there already. */
  async #task(verb: Verb): Promise<CloudTask> {
    const { driver, extra, speed } = this.subject
    const number = ++this.#machines
    const machine = {
      name: `m${number}`,
      id: number.toString(16).padStart(32, '0'),
      storeId: 'f'.repeat(32),
    }
    const access = { ssh: HERE, engine: HERE }
    const record = join(this.#dir, `${machine.name}.json`)
    const task = { driver, extra, speed, machine, access, record, config: this.#config }
    if (verb === 'remove') await perform({ ...task, verb: 'create' }, await openDriver({ ...task, verb }))
    return { ...task, verb }
  }

  /** The next one starts meanwhile: it has only to be told its task. */
  #start(task: CloudTask): ChildProcess {
    const child = this.#next ?? this.#spawn()
    this.#next = this.#spawn()
    child.stdin?.end(JSON.stringify(task))
    return child
  }

  #spawn(): ChildProcess {
    const child = spawn(process.execPath, [this.#worker, this.subject.driver], {
      env: { PATH: process.env['PATH'] ?? '' },
      stdio: ['pipe', 'inherit', 'inherit'],
    })
    this.t.teardown(() => child.kill('SIGKILL'))
    return child
  }
}

/** Operations that change nothing, by the names that the providers' descriptions give them. */
const READS = /^(get|list|describe)|_(get|list)/i

const RECOVERIES: Readonly<Record<Verb, readonly Recovery[]>> = {
  create: ['resume', 'rm', 'inventory'],
  remove: ['rm', 'inventory'],
}

/** Things at the provider that a record does not name. */
function unrecorded(task: CloudTask, found: readonly FoundResource[]): readonly string[] {
  const named = recorded(task)
  return found
    .filter(({ resource: { kind, id } }) =>
      named.every((one) => one.kind !== kind || (one.id !== undefined && one.id !== id)),
    )
    .map(({ name, resource }) => `${resource.kind} ${name}`)
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}
