import type { Clock } from '../../contracts/clock.js'
import type { DriverMachine, Endpoint, StateReport } from '../../contracts/driver.js'
import { onAbort } from '../../util/abort.js'
import { type Deferred, deferred } from './session/deferred.js'
import { glanceAt } from './observe.js'
import { pluginFailure } from './plugin-failure.js'
import { accountOf } from './reuse-proof.js'
import { LIMITS } from './session/plugin-pool.js'
import type { PluginSessions } from './sessions.js'
import { UsedProcess } from './used-process.js'

/** How long others wait, once in a command, until it is known whether processes can be used again. */
const PROOF_MS = 1_000

/** A machine that is to be looked at. */
export interface Question {
  readonly machine: DriverMachine
  readonly state: string
  /** What its state says apart from which machine it is; undefined where no other's process may be asked about it. */
  readonly account: string | undefined
  readonly known: Endpoint | undefined
  readonly signal: AbortSignal
  readonly answer: Deferred<StateReport>
  /** A process that had answered for others gave no answer that could be believed. */
  doubted: boolean
}

export interface GlanceOptions {
  readonly clock: Clock
  /** Whether a process may be asked about more than one machine at all. */
  readonly reuse: boolean
  readonly debug?: ((text: string) => void) | undefined
}

/**
 * Looks at many machines of one plugin with few processes. A process is asked about further machines only once it was seen
 * in this command that the plugin's answers are about the machine whose state it was given last; and what it answers then
 * counts only if it is good news and what our record says. All else is asked again in a process of its own.
 */
export class Glances {
  readonly #waiting: Question[] = []
  /** Whether processes can be used again; undefined as long as that is not known. */
  #isProven: boolean | undefined
  #isProving = false
  readonly #concluded = new AbortController()
  #pause: Promise<unknown> | undefined
  /** Machines that were found where they should be, each by a process of its own. */
  readonly #witnesses: Question[] = []
  #lanes = 0

  constructor(
    private readonly sessions: PluginSessions,
    private readonly options: GlanceOptions,
  ) {
    if (!options.reuse) this.#conclude(false)
  }

  /** @throws what the plugin says, or why there is no answer of it */
  async look(machine: DriverMachine, known: Endpoint | undefined, signal: AbortSignal): Promise<StateReport> {
    signal.throwIfAborted()
    const { state = '{}' } = machine
    const answer = deferred<StateReport>()
    const account = this.options.reuse ? accountOf(state) : undefined
    this.#waiting.push({ machine, state, account, known, signal, answer, doubted: false })
    this.#wake()
    const forget = onAbort(signal, () => answer.reject(signal.reason))
    return await answer.promise.finally(forget)
  }

  #wake(): void {
    if (this.#lanes < LIMITS.short) void this.#lane()
  }

  /** One process after the other, as long as there is anything to be asked. */
  async #lane(): Promise<void> {
    this.#lanes++
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) await this.#serve(next)
    this.#lanes--
  }

  /** Asks about a machine in a process of its own, and about others in the same one if that is right. */
  async #serve(question: Question): Promise<void> {
    const process = new UsedProcess(question, this.options)
    try {
      const lease = await process.open(this.sessions)
      const { machine, known, signal } = question
      const report = await glanceAt(machine, known, lease, signal)
      question.answer.resolve(report)
      if (!isAsRecorded(report, known)) return
      // Only used ones have told otherwise.
      if (question.doubted) this.#conclude(false)
      if (await this.#mayGoOn(process, question)) await this.#goOn(process, question.account)
    } catch (error) {
      question.answer.reject(pluginFailure(error, { machine: question.machine.name }))
    } finally {
      process.release()
    }
  }

  async #goOn(process: UsedProcess, account: string | undefined): Promise<void> {
    while (this.#isProven && !process.isSpoilt) {
      const index = this.#waiting.findIndex(
        (item) => !item.doubted && isAkin(item, account) && process.canTell(item),
      )
      const [next] = index < 0 ? [] : this.#waiting.splice(index, 1)
      if (!next) return
      const report = await process.ask(next)
      if (report) next.answer.resolve(report)
      else this.#doubt(next)
    }
  }

  #doubt(question: Question): void {
    question.doubted = true
    this.#waiting.push(question)
    this.#wake()
  }

  async #mayGoOn(process: UsedProcess, question: Question): Promise<boolean> {
    if (this.#waiting.length === 0 || question.account === undefined) return false
    if (this.#isProven === undefined) await this.#prove(process, question)
    return this.#isProven === true
  }

  /**
   * The process of one machine is given the state of another that a process of its own has answered for, at another
   * address: it has to answer the same.
   */
  async #prove(process: UsedProcess, question: Question): Promise<void> {
    const witness = this.#witnesses.find((item) => isAkin(item, question.account) && process.canTell(item))
    this.#witnesses.push(question)
    if (witness && !this.#isProving) {
      this.#isProving = true
      const report = await process.ask({ ...witness, signal: question.signal })
      return this.#conclude(report !== undefined)
    }
    this.#pause ??= this.options.clock.sleep(PROOF_MS, this.#concluded.signal).catch(() => undefined)
    await this.#pause
  }

  /** What was disproved stays so. */
  #conclude(isProven: boolean): void {
    this.#isProven = isProven && this.#isProven !== false
    this.#concluded.abort()
  }
}

function isAkin({ account }: Question, other: string | undefined): boolean {
  return account !== undefined && account === other
}

function isAsRecorded({ state, address }: StateReport, known: Endpoint | undefined): boolean {
  return state === 'Running' && address !== undefined && address === known?.address
}
