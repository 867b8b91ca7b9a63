/**
 * GitLab Runner's `docker+machine` executor, as far as a machine tool sees it: its calls in their order, their limits,
 * what is read of them and from the store. Whatever else a runner does is not here.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { mapBounded } from '../../src/util/bounded.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const STORE_PATH = '{{.HostOptions.AuthOptions.StorePath}}'
const DRAIN = { atOnce: 3, tries: 3 }

export interface RunnerOptions {
  /** Inherited by every call; PATH leads to `docker-machine`. */
  readonly env: Readonly<Record<string, string>>
  /** Milliseconds between attempts to remove a machine (30 s in a runner), and between those of a drain (5 s). */
  readonly pauseMs?: number
  readonly maxRemovalAttempts?: number
  /** Of calls that have an hour in a runner. */
  readonly limitMs?: number
  /** How long output may stay open after its program: a runner waits for ever. 10 s when absent. */
  readonly heldMs?: number
}

/** One call, as the runner logs it: each line of stdout is an information, each of stderr an error. */
export interface Call {
  readonly args: readonly string[]
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** What the docker client of a job is told. */
export interface Credentials {
  readonly host: string
  readonly certPath: string
}

export type Removal = 'removed' | 'skipped' | 'forced'

export class GitLabRunner {
  /** Everything that was called. */
  readonly calls: Call[] = []

  constructor(private readonly options: RunnerOptions) {}

  get env(): RunnerOptions['env'] {
    return this.options.env
  }

  /** `MachineOptions` have no dashes: they are put in front, and nothing else is done to them. */
  async create(
    driver: string,
    machineOptions: readonly string[],
    name: string,
    started?: (child: ChildProcess) => void,
  ): Promise<Call> {
    const options = machineOptions.map((option) => `--${option}`)
    return await this.call(['create', '--driver', driver, ...options, name], this.options.limitMs, started)
  }

  /** `MachineOptionsWithName`: `%s` is the machine's name. */
  static withName(options: readonly string[], name: string): readonly string[] {
    return options.map((option) => option.replaceAll('%s', name))
  }

  /** Whether a machine is healthy; only the exit status counts. */
  async canConnect(name: string): Promise<boolean> {
    return (await this.call(['config', name])).code === 0
  }

  /** The four calls before each job. @throws Error where the runner gives the job up */
  async beforeJob(name: string): Promise<Credentials> {
    for (let check = 0; check < 2; check++) {
      const { code, stderr } = await this.call(['config', name])
      if (code !== 0) throw new Error(`${name} is not healthy: ${stderr}`)
    }
    const host = await this.#answer(['url', name])
    return { host, certPath: await this.#answer(['inspect', name, '-f', STORE_PATH]) }
  }

  /** Removal with its attempts. A machine that is no longer there is done with, whatever runs for it. */
  async remove(name: string): Promise<Removal> {
    for (let attempt = 0; attempt < (this.options.maxRemovalAttempts ?? 30); attempt++) {
      if (attempt > 0) await pause(this.options.pauseMs ?? MINUTE / 2)
      if (!(await this.exists(name))) return 'skipped'
      await this.call(['stop', name], MINUTE)
      if ((await this.call(['rm', '-y', name])).code === 0) return 'removed'
    }
    await this.call(['rm', '-f', name])
    return 'forced'
  }

  /** At shutdown. */
  async drain(names: readonly string[]): Promise<void> {
    await mapBounded(names, DRAIN.atOnce, async (name) => {
      for (let attempt = 0; attempt < DRAIN.tries; attempt++) {
        if (attempt > 0) await pause(this.options.pauseMs ?? 5_000)
        if ((await this.call(['rm', '-f', name])).code === 0) return
      }
    })
  }

  async exists(name: string): Promise<boolean> {
    return existsSync(this.#record(name)) && (await this.call(['inspect', name])).code === 0
  }

  /** Machines on disk, in the order of their names. */
  list(): readonly string[] {
    const dir = join(this.#store(), 'machines')
    if (!existsSync(dir)) return []
    const entries = readdirSync(dir, { withFileTypes: true })
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name)
      .sort()
  }

  /** Labels of the metrics, read after each create. @throws Error when the record is not whole */
  metrics(name: string): { readonly driver: string } {
    const record = JSON.parse(readFileSync(this.#record(name), 'utf8')) as Record<string, unknown>
    const driver = record['DriverName']
    if (typeof driver !== 'string') throw new Error(`${name} names no driver`)
    return { driver }
  }

  /** One call; killed when its time is over. Ends when its output is closed by all who hold it. */
  async call(
    args: readonly string[],
    limitMs = this.options.limitMs ?? HOUR,
    started?: (child: ChildProcess) => void,
  ): Promise<Call> {
    const child = spawn('docker-machine', ['--bugsnag-api-token=no-report', ...args], {
      env: this.options.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
    started?.(child)
    const ended = await closed(child, args, this.options.heldMs ?? 10_000).finally(() => clearTimeout(timer))
    const call = { args, ...ended, stdout: stdout(), stderr: stderr() }
    this.calls.push(call)
    return call
  }

  /** What was called since the last time that this was asked, without the answers. */
  takeCalls(): string[] {
    return this.calls.splice(0).map(({ args }) => args.join(' '))
  }

  async #answer(args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.call(args)
    if (code !== 0 || stdout.trim() === '') throw new Error(`${args.join(' ')} said nothing: ${stderr}`)
    return stdout.trim()
  }

  #store(): string {
    const { MACHINE_STORAGE_PATH, HOME = '' } = this.options.env
    return MACHINE_STORAGE_PATH || join(HOME, '.docker', 'machine')
  }

  #record(name: string): string {
    return join(this.#store(), 'machines', name, 'config.json')
  }
}

/** @throws Error when something that the program left behind holds its output */
function closed(
  child: ChildProcess,
  args: readonly string[],
  heldMs: number,
): Promise<Pick<Call, 'code' | 'signal'>> {
  return new Promise((resolve, reject) => {
    let held: NodeJS.Timeout | undefined
    const hold = (): void => reject(new Error(`a process that "${args.join(' ')}" left holds its output`))
    child.once('error', reject)
    child.once('exit', () => (held = setTimeout(hold, heldMs)))
    child.once('close', (code, signal) => {
      clearTimeout(held)
      resolve({ code, signal })
    })
  })
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString()
}
