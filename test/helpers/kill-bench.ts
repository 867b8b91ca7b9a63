/** One case of the kill -9 campaign: a user, a provider, and the built program, killed at a chosen moment. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { waitFor } from '../../src/util/wait.js'
import { type Outcome, TestUser } from './cli.js'
import { filesWith, makeOld, processesOf, secretNames, strayFiles } from './kill-remains.js'
import { type KillDriver, openSite, type Site } from './kill-site.js'

const PRELOAD = fileURLToPath(new URL('./kill-at.cjs', import.meta.url))
const LIMIT_MS = 240_000
/** What the program has started ends with it, or soon after. */
const OUTLIVES_MS = 30_000

/** When the program dies: where among all operations on files, requests or milliseconds of a whole run (0 to below 1). */
export interface Moment {
  readonly kind: 'file' | 'request' | 'time'
  readonly share: number
  /** After the operation took effect, or before. */
  readonly late: boolean
}

/** How much a whole run of a command does. */
export interface Extent {
  readonly files: number
  readonly requests: number
  readonly ms: number
}

export interface Death {
  readonly killed: boolean
  readonly extent: Extent | undefined
  readonly said: string
}

export interface Programs {
  readonly real: string
  /** The same with the fake driver. */
  readonly fake: string
  /** Caches with an older and a newer engine. */
  readonly caches: readonly [older: string, newer: string]
}

/** A machine as `ls` shows it. */
export interface Row {
  readonly name: string
  readonly state: string
  readonly engine: string
  readonly error: string
}

export class KillBench {
  readonly user = new TestUser()
  readonly #program: string
  #cache: string

  private constructor(
    readonly site: Site,
    readonly programs: Programs,
    user: TestUser,
  ) {
    this.user = user
    this.#program = site.hasHosts ? programs.real : programs.fake
    this.#cache = programs.caches[0]
  }

  /** @param certs of another store, which save the making of a CA */
  static async open(driver: KillDriver, programs: Programs, certs?: string): Promise<KillBench> {
    const user = new TestUser()
    mkdirSync(join(user.home, 'tmp'))
    if (certs !== undefined) cpSync(certs, join(user.store, 'certs'), { recursive: true })
    return new KillBench(await openSite(driver, user.home), programs, user)
  }

  async close(): Promise<void> {
    await this.site.close()
    rmSync(this.user.home, { recursive: true, force: true })
  }

  /** From now on there is a newer engine. */
  bringNewEngine(): void {
    this.#cache = this.programs.caches[1]
  }

  async run(args: readonly string[]): Promise<Outcome> {
    const env = { ...this.#env, ...this.site.env }
    return await this.user.tsmachine(args, { env, program: this.#program, limitMs: LIMIT_MS })
  }

  async ok(args: readonly string[]): Promise<string> {
    const { code, signal, stdout, stderr } = await this.run(args)
    if (code === 0) return stdout
    throw new Error(`tsmachine ${args.join(' ')} ended with ${code ?? signal}\n${stdout}\n${stderr}`)
  }

  has(name: string): boolean {
    return existsSync(join(this.user.store, 'machines', name))
  }

  /** Every machine as `ls` shows it. Behind the fake driver is no engine: nobody is asked there. */
  async rows(): Promise<readonly Row[]> {
    if (this.site.hasHosts) {
      const answer = await this.ok(['ls', '--json', '--timeout', '60'])
      return (JSON.parse(answer) as { result: readonly Row[] }).result
    }
    const names = (await this.ok(['ls', '-q'])).split('\n').filter(Boolean)
    const states = await Promise.all(names.map((name) => this.ok(['status', name])))
    return names.map((name, index) => ({ name, state: (states[index] ?? '').trim(), engine: '', error: '' }))
  }

  /**
   * Runs the program and kills it at the moment, which is a share of what the whole run is expected to do.
   * @param done what it says where nothing was left to do
   */
  async kill(args: readonly string[], moment: Moment, expected: Extent, done?: RegExp): Promise<Death> {
    const nth = (all: number): number => 1 + Math.floor(moment.share * all)
    const tally = join(this.programs.caches[0], '..', `tally-${process.hrtime.bigint()}`)
    const at = moment.kind === 'file' ? nth(expected.files) : 0
    const task = { root: this.user.home, at, late: moment.late, tally }
    const child = this.#start(args, { NODE_OPTIONS: `--require ${PRELOAD}`, TSM_KILL: JSON.stringify(task) })
    const output = collected(child)
    const began = performance.now()
    const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
    const due =
      moment.kind === 'time' ? setTimeout(() => child.kill('SIGKILL'), moment.share * expected.ms) : undefined
    const requests = await this.#atRequest(
      child,
      moment.kind === 'request' ? nth(expected.requests) : 0,
      moment,
    )
    clearTimeout(limit)
    clearTimeout(due)
    const ms = performance.now() - began
    if (ms >= LIMIT_MS) throw new Error(`tsmachine ${args.join(' ')} did not end\n${output()}`)
    const killed = child.signalCode === 'SIGKILL'
    const files = existsSync(tally) ? Number(readFileSync(tally, 'utf8').trim()) : 0
    rmSync(tally, { force: true })
    if (!killed && child.exitCode !== 0 && !done?.test(output()))
      throw new Error(
        `tsmachine ${args.join(' ')} ended with ${child.exitCode} although nobody killed it\n${output()}`,
      )
    return { killed, extent: killed ? undefined : { files, requests, ms }, said: output() }
  }

  /** Waits for the end of the program, and kills it at its n-th request; says how many there were. */
  async #atRequest(child: ChildProcess, nth: number, { late }: Moment): Promise<number> {
    const { double } = this.site
    let seen = 0
    let fatal: number | undefined
    let over: () => void = () => undefined
    const isOver = new Promise<void>((resolve) => (over = resolve))
    if (double) {
      double.onRequest = async ({ number, operation }) => {
        if (++seen !== nth) return
        fatal = number
        child.kill('SIGKILL')
        await ended(child)
        if (late) return
        double.fail({ kind: 'drop-before', ...(operation === undefined ? {} : { operation }) })
        over()
      }
      double.onActed = ({ number }) => {
        if (number === fatal) over()
      }
    }
    await ended(child)
    if (fatal !== undefined) await isOver
    if (double) double.onRequest = double.onActed = () => undefined
    return seen
  }

  /** Everything is gone that was made, here and at the provider. */
  async isClean(): Promise<void> {
    const { home } = this.user
    const left = this.site.left()
    if (left.length > 0) throw new Error(`left at the provider: ${left.join(', ')}`)
    const files = strayFiles(home, ['provider'])
    if (files.length > 0) throw new Error(`left in the home: ${files.join(', ')}`)
    const names = secretNames(home).map((name) => name.replace(/[0-9a-f]{16}$/, ''))
    if (new Set(names).size < names.length) throw new Error(`secrets twice: ${names.join(', ')}`)
    const { secret } = this.site
    const told = secret === undefined ? [] : filesWith(home, secret)
    if (told.length > 0) throw new Error(`the secret is in ${told.join(', ')}`)
    await waitFor(
      'its processes to end',
      () => Promise.resolve(processesOf(home).length === 0 ? true : undefined),
      { deadlineMs: OUTLIVES_MS, evidence: () => processesOf(home).join('\n') },
    )
  }

  /** As if hours had passed: what is younger may be in the making. */
  grow(): void {
    makeOld(this.user.home)
    this.site.grow()
  }

  get #env(): Readonly<Record<string, string>> {
    return { XDG_CACHE_HOME: this.#cache, TMPDIR: join(this.user.home, 'tmp') }
  }

  #start(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
    return spawn(process.execPath, [this.#program, ...args], {
      env: { ...this.user.env, ...this.#env, ...this.site.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }
}

function collected(child: ChildProcess): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return () => text
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}
