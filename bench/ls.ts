/** `ls` of stores of up to 2,000 machines, and docker-machine's where it is given. Both read the same stores. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PROGRAM } from '../test/helpers/cli.js'
import { writeMachines } from '../test/helpers/many-machines.js'
import { runDir } from '../test/helpers/run-dir.js'
import { run as start } from '../src/util/exec.js'
import type { Endpoints } from './endpoints.js'
import { elapsed, interleave } from './interleave.js'
import { median, ratio } from './numbers.js'
import { peakMemoryMb } from './peak-memory.js'
import type { Bench, BenchOptions, BenchResult, Curve, Measurement } from './result.js'

const COUNTS = [1, 10, 100, 500, 2_000]
/** docker-machine has a process for each machine: beyond this it takes memory and time that no computer has to spare. */
const THEIR_MOST = 500
const SILENT = 500
const DEADLINE_S = 3
const DEFAULT_DEADLINE_MS = 10_000
/** More than 10 times what docker-machine takes for 500 on a quiet computer; with too few files to open it hangs. */
const LONGEST_MS = 90_000
const BUDGETS = { names: 2, live: 0.3, memory: 1, silent: 1.2 }
const MEMORY_MB = 120
type Kind = 'live' | 'closed' | 'silent'

export const benchLs: Bench = async ({ runs, dockerMachine }) => {
  const dir = runDir('bench-ls')
  const endpoints = fork(fileURLToPath(new URL('endpoints.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
  })
  try {
    const [ports] = (await once(endpoints, 'message')) as [Endpoints]
    return await compare(new Stores(dir, ports), endpoints, {
      runs,
      ...(dockerMachine ? { dockerMachine } : {}),
    })
  } finally {
    endpoints.disconnect()
    if (endpoints.exitCode === null) await once(endpoints, 'exit')
    rmSync(dir, { recursive: true, force: true })
  }
}

async function compare(
  stores: Stores,
  endpoints: ChildProcess,
  { runs, dockerMachine }: BenchOptions,
): Promise<BenchResult> {
  const names = new Series('ls -q', stores, runs)
  const live = new Series('ls, live endpoints', stores, runs)
  const closed = new Series('ls, closed ports', stores, runs)
  for (const count of COUNTS) {
    const theirs = count <= THEIR_MOST ? dockerMachine : undefined
    await names.measure(count, 'closed', ['ls', '-q'], theirs)
    await live.measure(count, 'live', ['ls', '--timeout', '60'], theirs)
    await closed.measure(count, 'closed', ['ls', '--timeout', '60'], theirs)
  }
  const silent = await silentRuns(stores, runs)
  const memory = await memoryOf(stores, endpoints)
  const compared = dockerMachine === undefined ? [] : [100, 500]
  return {
    measurements: [...names.rows, ...live.rows, ...closed.rows, silent, ...memory.rows],
    ratios: [
      ratio('ls -q of 500 by one', names.ours(500), names.ours(1), BUDGETS.names),
      ratio('ls -q of 2,000 by 500', names.ours(2_000), names.ours(500)),
      ratio('ls, live, of 2,000 by 500', live.ours(2_000), live.ours(500)),
      {
        name: 'ls, live, of 2,000 by its default deadline',
        value: median(live.ours(2_000).values) / DEFAULT_DEADLINE_MS,
      },
      ...compared.flatMap((count) => [
        ratio(`ls, live, of ${count} by docker-machine`, live.ours(count), live.theirs(count), BUDGETS.live),
        ratio(`ls, closed, of ${count} by docker-machine`, closed.ours(count), closed.theirs(count)),
        ratio(`ls -q of ${count} by docker-machine`, names.ours(count), names.theirs(count)),
      ]),
      {
        name: `memory of ls of 2,000 by ${MEMORY_MB} MB`,
        value: memory.most / MEMORY_MB,
        budget: BUDGETS.memory,
      },
      {
        name: `ls with ${SILENT} silent hosts by its one deadline`,
        value: median(silent.values) / (DEADLINE_S * 1_000),
        budget: BUDGETS.silent,
      },
    ],
    curves: [...names.curves, ...live.curves, ...closed.curves, memory.curve],
    notes: [
      'driver none; the live endpoint is one process of Node on loopback with its own share of the cores',
      ...(dockerMachine === undefined ? ['docker-machine is not here: no ratio to it'] : []),
      ...(dockerMachine === undefined ? [] : [`docker-machine: up to ${THEIR_MOST} machines`]),
    ],
  }
}

/** One form of the command over all counts. */
class Series {
  readonly #ours = new Map<number, Measurement>()
  readonly #theirs = new Map<number, Measurement>()

  constructor(
    readonly name: string,
    readonly stores: Stores,
    readonly runs: number,
  ) {}

  async measure(count: number, kind: Kind, words: readonly string[], dockerMachine?: string): Promise<void> {
    const env = this.stores.env(kind, count)
    const { ours, theirs } = await interleave(
      {
        ours: () => elapsed(() => run(process.execPath, [PROGRAM, ...words], env)),
        theirs: dockerMachine === undefined ? undefined : () => elapsed(() => run(dockerMachine, words, env)),
      },
      { runs: this.runs, warmUp: 1 },
    )
    this.#ours.set(count, { name: `${this.name}, ${count}`, unit: 'ms', values: ours })
    if (theirs.length > 0)
      this.#theirs.set(count, { name: `docker-machine ${this.name}, ${count}`, unit: 'ms', values: theirs })
  }

  ours(count: number): Measurement {
    return this.#ours.get(count) ?? NOTHING
  }

  theirs(count: number): Measurement {
    return this.#theirs.get(count) ?? NOTHING
  }

  get rows(): readonly Measurement[] {
    return [...this.#ours.values(), ...this.#theirs.values()]
  }

  get curves(): readonly Curve[] {
    const curve = (name: string, by: ReadonlyMap<number, Measurement>): Curve => ({
      name,
      unit: 'ms',
      points: [...by].map(([count, { values }]) => [count, median(values)] as const),
    })
    const theirs = this.#theirs.size > 0 ? [curve(`docker-machine ${this.name}`, this.#theirs)] : []
    return [curve(this.name, this.#ours), ...theirs]
  }
}

const NOTHING: Measurement = { name: '', unit: 'ms', values: [] }

async function silentRuns(stores: Stores, runs: number): Promise<Measurement> {
  const words = ['ls', '--timeout', String(DEADLINE_S)]
  const env = stores.env('silent', SILENT)
  const { silent } = await interleave(
    { silent: () => elapsed(() => run(process.execPath, [PROGRAM, ...words], env)) },
    { runs },
  )
  return { name: `ls, ${SILENT} silent hosts, --timeout ${DEADLINE_S}`, unit: 'ms', values: silent }
}

/** The highest memory, and what the endpoints' own side of it cost, which runs on the same processors. */
async function memoryOf(
  stores: Stores,
  endpoints: ChildProcess,
): Promise<{ readonly rows: readonly Measurement[]; readonly curve: Curve; readonly most: number }> {
  const points: [number, number][] = []
  const theirSide: Measurement[] = []
  for (const count of COUNTS) {
    const env = stores.env('live', count)
    const before = await cpuMs(endpoints)
    points.push([count, await peakMemoryMb(process.execPath, [PROGRAM, 'ls', '--timeout', '60'], env)])
    const ms = (await cpuMs(endpoints)) - before
    theirSide.push({ name: `processor time of ${count} live endpoints`, unit: 'ms', values: [ms] })
  }
  const rows = points.map(([count, mb]): Measurement => ({
    name: `ls, live endpoints, ${count}`,
    unit: 'MB',
    values: [mb],
  }))
  const most = Math.max(...points.map(([, mb]) => mb))
  return { rows: [...rows, ...theirSide], curve: { name: 'ls, memory', unit: 'MB', points }, most }
}

async function cpuMs(endpoints: ChildProcess): Promise<number> {
  endpoints.send('processor time')
  const [ms] = (await once(endpoints, 'message')) as [number]
  return ms
}

async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const { code, stderr } = await start(program, args, { env, deadlineMs: LONGEST_MS })
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${stderr}`)
}

/** Stores of machines, made when they are first asked for. */
class Stores {
  readonly #made = new Set<string>()

  constructor(
    readonly dir: string,
    readonly ports: Endpoints,
  ) {}

  env(kind: Kind, count: number): NodeJS.ProcessEnv {
    const store = join(this.dir, `${kind}-${count}`)
    if (!this.#made.has(store)) this.#make(store, kind, count)
    const home = join(this.dir, 'home')
    mkdirSync(home, { recursive: true })
    return {
      PATH: process.env['PATH'],
      HOME: home,
      MACHINE_STORAGE_PATH: store,
      MACHINE_BUGSNAG_API_TOKEN: 'no-report',
    }
  }

  #make(store: string, kind: Kind, count: number): void {
    const port = { live: this.ports.live, silent: this.ports.silent, closed: 1 }[kind]
    const names = Array.from({ length: count }, (_item, index) => `m${index}`)
    writeMachines(
      store,
      names.map((name) => [name, `tcp://127.0.0.1:${port}`] as const),
    )
    cpSync(this.ports.certs, join(store, 'certs'), { recursive: true })
    this.#made.add(store)
  }
}
