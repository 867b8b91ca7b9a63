import type { Clock } from '../../contracts/clock.js'
import type { StateReport } from '../../contracts/driver.js'
import { withDeadline } from '../../util/wait.js'
import type { Question } from './glances.js'
import { addressIn } from './observe.js'
import { sameJson } from './session/same-json.js'
import type { Lease, PluginSessions } from './sessions.js'

/** How long a process that is used again may take: a machine that it hangs at is still to be asked about elsewhere. */
const ANSWER_MS = 4_000

interface Options {
  readonly clock: Clock
  readonly debug?: ((text: string) => void) | undefined
}

/** A plugin's process for one machine, which can be asked about others after it. */
export class UsedProcess {
  /** Set when something of a machine before has stayed in it, or when it is gone. */
  isSpoilt = false
  #lease: Lease | undefined
  /** Whom it is asked about. */
  #name: string
  /** Addresses of the machines before. An answer with one of these would prove nothing. */
  readonly #told: Set<string>
  #isUsed = false

  constructor(
    private readonly first: Question,
    private readonly options: Options,
  ) {
    this.#name = first.machine.name
    this.#told = new Set(first.known ? [first.known.address] : [])
  }

  /** @throws MachineError when the plugin cannot be started or refuses the state */
  async open(sessions: PluginSessions): Promise<Lease> {
    const { machine, state, signal } = this.first
    const onLog = (_level: string, line: string): void => this.options.debug?.(`(${this.#name}) ${line}`)
    this.#lease = await sessions.acquire({ machine: { ...machine, state }, onLog, signal, purpose: 'read' })
    return this.#lease
  }

  /** Whether its answer about this machine could be told from those about the machines before. */
  canTell({ known }: Question): boolean {
    return known !== undefined && !this.#told.has(known.address)
  }

  /** Good news as our record has it; undefined for anything else, which may be about a machine before. */
  async ask(question: Question): Promise<StateReport | undefined> {
    const { machine, known, signal } = question
    this.#isUsed = true
    this.#name = machine.name
    try {
      const url = await withDeadline(machine.name, ANSWER_MS, (limit) => this.#url(question, limit), {
        signal,
        clock: this.options.clock,
      })
      if (url === undefined || known === undefined || addressIn(url, known) !== known.address)
        return undefined
      this.#told.add(known.address)
      return { id: machine.id, state: 'Running', address: known.address }
    } catch {
      return undefined
    }
  }

  /** A process that was given more than one state is for nobody else. */
  release(): void {
    if (this.#isUsed) void this.#lease?.discard()
    this.#lease?.release()
  }

  /** Undefined where the state is not all that it has: Go drivers merge it into the one that they have. */
  async #url({ state }: Question, signal: AbortSignal): Promise<string | undefined> {
    const lease = this.#lease
    if (!lease) return undefined
    this.isSpoilt = true
    await lease.call('SetConfigRaw', state, signal)
    if (!sameJson(await lease.call('GetConfigRaw', undefined, signal), state)) return undefined
    this.isSpoilt = false
    return await lease.call('GetURL', undefined, signal)
  }
}
