import { MachineError } from '../../../contracts/errors.js'
import { Places } from './places.js'
import { PluginSession, type PluginMachine, type SessionOptions } from './plugin-session.js'

/** What all sessions of a pool have in common. */
export interface PoolOptions extends Omit<
  SessionOptions,
  'driver' | 'program' | 'machine' | 'onLog' | 'signal'
> {
  readonly limits?: Partial<PoolLimits>
}

/** How many processes may be alive at once. */
export interface PoolLimits {
  /** For calls that only look. */
  readonly short: number
  /** For calls that work for minutes, beside those: a read does not wait for a create. */
  readonly long: number
}

/** Whose plugin is wanted. */
export type PooledMachine = Pick<SessionOptions, 'driver' | 'program' | 'onLog'> & {
  readonly machine: PluginMachine
}

export interface UseOptions {
  /** `long` for work that creates, starts, stops or removes; `short` when absent. */
  readonly size?: keyof PoolLimits
  readonly signal?: AbortSignal
}

/** Where nothing else is said. */
export const LIMITS: PoolLimits = { short: 4, long: 16 }

/** One process, from before its start until it is gone: as long as that it has a place. */
interface Entry {
  readonly wanted: PooledMachine
  readonly opening: Promise<PluginSession>
  session?: PluginSession
  size: keyof PoolLimits
  users: number
  /** Set when it is told to end: nobody may begin to use it. */
  leaving: boolean
}

/**
 * The plugin processes of one command. A machine's process is kept for its next call, and ends when another machine
 * needs the place: the one that was not used for longest first.
 *
 * The pool gives no process to another machine, though that would be faster: `SetConfigRaw` merges into the state that is
 * there already, and Go drivers keep servers and API clients in fields that are not part of it. The answers could be
 * about the machine before. Who takes that on has to prove that they are not (`Glances`, for `ls` alone).
 */
export class PluginPool {
  readonly #places: Readonly<Record<keyof PoolLimits, Places>>
  /** Least recently used first. */
  readonly #entries = new Set<Entry>()
  readonly #closing = new AbortController()

  constructor(private readonly options: PoolOptions) {
    const { short, long } = { ...LIMITS, ...options.limits }
    this.#places = { short: new Places(short), long: new Places(long) }
  }

  /**
   * Does something with the session of a machine, which is opened if needed. `work` must not ask for another session: it
   * might hold the place that it waits for.
   * @throws what opening or `work` throws; the signal's reason while it waits for a place
   */
  async withSession<T>(
    wanted: PooledMachine,
    work: (session: PluginSession) => Promise<T>,
    { size = 'short', signal }: UseOptions = {},
  ): Promise<T> {
    const stop = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal
    const entry = await this.#enter(wanted, size, stop)
    try {
      const session = await entry.opening
      session.onLog = wanted.onLog
      return await work(session)
    } finally {
      this.#leave(entry)
    }
  }

  /** Ends all processes, also those in use, and refuses further work. Resolves when they are gone. */
  async closeAll(): Promise<void> {
    this.#closing.abort(new MachineError('cancelled', 'The driver plugins were closed'))
    await Promise.all([...this.#entries].map((entry) => this.#end(entry)))
  }

  /** Nobody holds a place while it waits for another one: reads would wait for creates that way. */
  async #enter(wanted: PooledMachine, size: keyof PoolLimits, stop: AbortSignal): Promise<Entry> {
    const ready = this.#findWarm(wanted)
    if (ready && (ready.size === size || size === 'short')) return use(ready)
    stop.throwIfAborted()
    if (!this.#places[size].tryTake()) await this.#waitForPlace(size, stop)
    // Another call for this machine may have opened one meanwhile.
    const warm = this.#findWarm(wanted)
    if (!warm) return this.#open(wanted, size, stop)
    const spare = size === 'long' ? warm.size : size
    if (size === 'long') warm.size = 'long'
    this.#places[spare].leave()
    return use(warm)
  }

  /** A session of this machine that has the wanted state; what has another one is of no use to anybody. */
  #findWarm(wanted: PooledMachine): Entry | undefined {
    const own = [...this.#entries].filter((entry) => !entry.leaving && isSameMachine(entry.wanted, wanted))
    const warm = own.find((entry) => isUsable(entry, wanted.machine.state))
    for (const entry of own) if (entry !== warm && entry.users === 0) void this.#end(entry)
    return warm
  }

  async #waitForPlace(size: keyof PoolLimits, stop: AbortSignal): Promise<void> {
    const waiting = this.#places[size].wait(stop)
    this.#makeRoom(size)
    await waiting
  }

  /** Ends as many idle ones as there are others who wait for their places. */
  #makeRoom(size: keyof PoolLimits): void {
    const entries = [...this.#entries].filter((entry) => entry.size === size)
    const leaving = entries.filter((entry) => entry.leaving).length
    const idle = entries.filter((entry) => !entry.leaving && entry.users === 0)
    const needed = Math.max(0, this.#places[size].waiting - leaving)
    for (const entry of idle.slice(0, needed)) void this.#end(entry)
  }

  #open(wanted: PooledMachine, size: keyof PoolLimits, signal: AbortSignal): Entry {
    const opening = PluginSession.open({ ...this.options, ...wanted, signal })
    const entry: Entry = { wanted, opening, size, users: 1, leaving: false }
    this.#entries.add(entry)
    void opening
      .then((session) => {
        entry.session = session
        return session.ended
      })
      .catch(() => undefined)
      .then(() => {
        this.#entries.delete(entry)
        this.#places[entry.size].leave()
      })
    return entry
  }

  #leave(entry: Entry): void {
    entry.users--
    if (!this.#entries.delete(entry)) return
    this.#entries.add(entry)
    this.#makeRoom(entry.size)
  }

  async #end(entry: Entry): Promise<void> {
    entry.leaving = true
    try {
      const session = await entry.opening
      await session.end()
    } catch {
      // It could not be opened, and nothing is left of it.
    }
  }
}

function use(entry: Entry): Entry {
  entry.users++
  return entry
}

function isSameMachine(a: PooledMachine, b: PooledMachine): boolean {
  return a.driver === b.driver && a.program === b.program && a.machine.name === b.machine.name
}

function isUsable(entry: Entry, state: string | undefined): boolean {
  if (entry.session?.over) return false
  if (state === undefined) return true
  return entry.session ? entry.session.holds(state) : entry.wanted.machine.state === state
}
