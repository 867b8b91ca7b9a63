import type { Clock } from '../../../contracts/clock.js'
import { isMachineError, MachineError } from '../../../contracts/errors.js'
import { unlessAborted } from '../../../util/abort.js'
import { idleClock, systemClock } from '../../../util/clock.js'
import { outlasting } from '../../../util/wait.js'
import { API_VERSION, type PluginMethod, type PluginMethods } from '../wire/plugin-api.js'
import type { ConnectPlugin, PluginConnection } from './connection.js'
import { CHANGING, DEADLINES, type Deadlines, HEARTBEAT_MS, KINDS } from './deadlines.js'
import { deferred } from './deferred.js'
import { evidenceOf, type PluginLog, PluginProcess } from './plugin-process.js'
import { sameJson } from './same-json.js'

/** The machine that a plugin's process is for. */
export interface PluginMachine {
  readonly name: string
  /** The driver's state as JSON text, as `SetConfigRaw` takes it; without it the plugin is asked for its flags alone. */
  readonly state?: string
}

export interface SessionOptions {
  /** The driver's name. */
  readonly driver: string
  /** Absolute path of the plugin's program. */
  readonly program: string
  readonly machine?: PluginMachine
  readonly onLog: PluginLog
  readonly env: Readonly<Record<string, string | undefined>>
  readonly connect: ConnectPlugin
  readonly clock?: Clock
  readonly deadlines?: Partial<Deadlines>
  readonly addressDeadlineMs?: number
  /** How long a call that changes something may go on after an abort; 10 s when absent. */
  readonly abortGraceMs?: number
  readonly signal?: AbortSignal
}

const CONNECT_MS = 10_000
const ABORT_GRACE_MS = 10_000
/** For the state of a plugin that is about to be cut. */
const LAST_WORD_MS = 2_000
/** A lost connection is mostly the end of the process, which is known a moment later and says more. */
const END_KNOWN_MS = 500

/**
 * One plugin process and the conversation with it, for one machine and never for another. Calls go one after the other,
 * as Go drivers are not made for more; heartbeats go beside them.
 */
export class PluginSession {
  /** Where lines of the plugin go; who uses a session after another may change it. */
  onLog: PluginLog
  readonly #deadlines: Deadlines
  readonly #stopBeating = new AbortController()
  readonly #broken = deferred<never>()
  #over: MachineError | undefined
  #losing: Promise<void> | undefined
  #ending: Promise<void> | undefined
  #last: Promise<unknown> = Promise.resolve()
  #state: string | undefined
  #lastState: string | undefined

  private constructor(
    private readonly options: SessionOptions,
    private readonly process: PluginProcess,
    private readonly connection: PluginConnection,
  ) {
    this.onLog = options.onLog
    this.#deadlines = { ...DEADLINES, ...options.deadlines }
    this.#broken.promise.catch(() => undefined)
    void process.ended.then((error) => this.#fail(error))
    void connection.closed.then(() => this.#lose(this.#error('closed its connection')))
  }

  /**
   * Starts a plugin, connects, checks its version, and gives it the machine's state.
   * @throws MachineError `driver` or `timeout` with the plugin's stderr; PluginError when it refuses the state
   */
  static async open(options: SessionOptions): Promise<PluginSession> {
    let session: PluginSession | undefined
    const onLog: PluginLog = (level, line) => (session ?? options).onLog(level, line)
    const process = await PluginProcess.start({ ...options, onLog })
    try {
      const { signal } = options
      const limits = { deadlineMs: CONNECT_MS, ...(signal ? { signal } : {}) }
      const connection = await options.connect(process.address, limits)
      session = new PluginSession(options, process, connection)
      await session.#greet()
      return session
    } catch (error) {
      await (session ?? process).end()
      throw isMachineError(error) ? withWords(error, process.words) : error
    }
  }

  /** Why no call is possible any more; undefined as long as it lives. */
  get over(): MachineError | undefined {
    return this.#over
  }

  /** Resolves when the process is gone. */
  get ended(): Promise<unknown> {
    return this.process.ended
  }

  get pid(): number | undefined {
    return this.process.pid
  }

  /** What the plugin said of its state beside a change that did not end, before it was cut. */
  get lastState(): string | undefined {
    return this.#lastState
  }

  /** Whether the plugin has this state, as far as it was given or asked for. */
  holds(state: string): boolean {
    return this.#state !== undefined && sameJson(this.#state, state)
  }

  /**
   * One call, when those before it are done. A call that overruns its deadline ends the process, as nothing is known of
   * it then. One that changes something is given `abortGraceMs` to come to its end after an abort: its result is then
   * returned, and the caller sees the abort at its next step; else the process is ended and the signal's reason thrown.
   * @throws PluginError with the plugin's text; MachineError `timeout` or `driver`, with its stderr
   */
  async call<M extends PluginMethod>(
    method: M,
    argument: PluginMethods[M]['argument'],
    signal?: AbortSignal,
  ): Promise<PluginMethods[M]['reply']> {
    const before = this.#last
    const turn = deferred<void>()
    this.#last = before.then(() => turn.promise)
    try {
      await unlessAborted(before, signal)
      return await this.#run(method, argument, signal)
    } finally {
      turn.resolve()
    }
  }

  /** `Close`, and what is needed if that does not help. Resolves when the process is gone; calls in flight fail. */
  end(): Promise<void> {
    if (!this.#ending) {
      const ask = (): Promise<unknown> =>
        this.connection.call('Close', undefined, { deadlineMs: this.#deadlines.close })
      this.#conclude(this.#error('was closed'))
      this.#ending = this.process.end(ask).finally(() => this.connection.close())
    }
    return this.#ending
  }

  async #greet(): Promise<void> {
    const { machine, signal } = this.options
    void this.#beat()
    const version = await this.call('GetVersion', undefined, signal)
    if (version !== API_VERSION)
      throw new MachineError('driver', `Driver binary uses an incompatible API version (${version})`, {
        hints: [`Install a ${this.options.driver} driver made for docker-machine 0.5 or later.`],
      })
    if (machine?.state !== undefined) await this.call('SetConfigRaw', machine.state, signal)
  }

  async #run<M extends PluginMethod>(
    method: M,
    argument: PluginMethods[M]['argument'],
    signal: AbortSignal | undefined,
  ): Promise<PluginMethods[M]['reply']> {
    if (this.#over) throw this.#over
    const deadlineMs = this.#deadlines[KINDS[method]]
    const calling = Promise.race([
      this.connection.call(method, argument, { deadlineMs }),
      this.#broken.promise,
    ]).catch((error: unknown) => this.#explain(error, method))
    const reply = signal ? await this.#abortable(calling, method, signal) : await calling
    if (method === 'SetConfigRaw' && typeof argument === 'string') this.#state = argument
    if (method === 'GetConfigRaw' && typeof reply === 'string') this.#state = reply
    return reply
  }

  async #abortable<T>(calling: Promise<T>, method: PluginMethod, signal: AbortSignal): Promise<T> {
    const { abortGraceMs = ABORT_GRACE_MS, clock = systemClock } = this.options
    const changes = CHANGING.has(KINDS[method])
    try {
      if (!changes) return await unlessAborted(calling, signal)
      return await outlasting(
        signal,
        () => abortGraceMs,
        clock,
        (late) => unlessAborted(calling, late),
      )
    } catch (error) {
      if (!signal.aborted) throw error
      calling.catch(() => undefined)
      if (changes) await this.#askLast()
      const ending = this.end()
      if (changes) await ending
      throw signal.reason
    }
  }

  /** Texts of the plugin pass; anything else ends the session, and says how the process ended if it did. */
  async #explain(error: unknown, method: PluginMethod): Promise<never> {
    if (!isMachineError(error) || error === this.#over) throw error
    if (error.code === 'timeout') {
      if (CHANGING.has(KINDS[method])) await this.#askLast()
      this.#fail(withWords(error, this.process.words))
    } else await this.#lose(error)
    throw this.#over ?? error
  }

  /** Beside a change that does not end: what was made so far may be in the state, and nowhere else. */
  async #askLast(): Promise<void> {
    if (this.#over) return
    const asking = this.connection.call('GetConfigRaw', undefined, { deadlineMs: LAST_WORD_MS })
    this.#lastState = await asking.catch(() => undefined)
  }

  #lose(error: MachineError): Promise<void> {
    return (this.#losing ??= this.#endKnown().then((end) =>
      this.#fail(end ?? withWords(error, this.process.words)),
    ))
  }

  async #endKnown(): Promise<MachineError | undefined> {
    const enough = new AbortController()
    const late = systemClock.sleep(END_KNOWN_MS, enough.signal).catch(() => undefined)
    const end = await Promise.race([this.process.ended, late])
    enough.abort()
    return end ?? undefined
  }

  #fail(error: MachineError): void {
    this.#conclude(error)
    this.#ending ??= this.process.end().finally(() => this.connection.close())
  }

  #conclude(error: MachineError): void {
    this.#over ??= error
    this.#stopBeating.abort()
    this.#broken.reject(this.#over)
  }

  /** Every 5 s from the start of one to the start of the next. */
  async #beat(): Promise<void> {
    const { clock = systemClock } = this.options
    const beating = clock === systemClock ? idleClock : clock
    const { signal } = this.#stopBeating
    const pause = (): Promise<void> => beating.sleep(HEARTBEAT_MS, signal)
    try {
      await pause()
      for (;;) await Promise.all([pause(), this.#pulse()])
    } catch (error) {
      if (!signal.aborted) this.#fail(isMachineError(error) ? error : this.#error('gave no sign of life'))
    }
  }

  async #pulse(): Promise<void> {
    const deadlineMs = this.#deadlines.beat
    try {
      await this.connection.call('Heartbeat', undefined, { deadlineMs })
    } catch (error) {
      if (this.#over) return
      if (isMachineError(error) && error.code !== 'timeout') return await this.#lose(error)
      this.#fail(this.#error(`gave no sign of life within ${deadlineMs / 1_000} s`, error))
    }
  }

  #error(how: string, cause?: unknown): MachineError {
    const { driver, machine } = this.options
    const whose = machine ? ` of machine ${machine.name}` : ''
    return new MachineError('driver', `The plugin of driver ${driver}${whose} ${how}`, {
      ...evidenceOf(this.process.words),
      cause,
    })
  }
}

/** The same failure, with what the plugin wrote on stderr as far as it is not in there yet. */
function withWords(error: MachineError, words: string): MachineError {
  const { code, message, hints, cause, evidence = '' } = error
  if (words === '' || evidence.includes(words)) return error
  return new MachineError(code, message, { hints, cause, evidence: `${evidence}\n${words}`.trim() })
}
