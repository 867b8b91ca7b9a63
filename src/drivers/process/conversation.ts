import type { DriverDeps, JsonObject } from '../../contracts/driver.js'
import { MachineError, toMachineError } from '../../contracts/errors.js'
import { onAbort, unlessAborted } from '../../util/abort.js'
import { after, withDeadline } from '../../util/wait.js'
import { checkedAnswer } from './answers.js'
import { DriverChild, type ChildProgram } from './child.js'
import { errorText, type FromChild, type ToChild } from './protocol.js'

/** Milliseconds that a child may take. A child that takes longer is ended. */
export interface Deadlines {
  /** For a call that answers once. */
  readonly callMs: number
  /** From one event of a stream to the next. */
  readonly eventMs: number
  /** To finish in order after an abort. */
  readonly abortMs: number
  /** For a call that must answer at once. */
  readonly onceMs: number
}

/** Calls to one driver in a child. The child is started with the first call, and again should it have ended. */
export class Conversation {
  #child: DriverChild | undefined
  #opening: Promise<readonly string[]> | undefined

  constructor(
    private readonly program: ChildProgram,
    private readonly deadlines: Deadlines,
    private readonly deps: DriverDeps,
  ) {}

  /** Opens the driver in the child and returns the names of its members. */
  async open(): Promise<readonly string[]> {
    if (this.#child === undefined || this.#child.gone) {
      this.#child = new DriverChild(this.program, (call, args) => this.#lend(call, args))
      this.#opening = this.#openIn(this.#child)
    }
    return (await this.#opening) ?? []
  }

  async #openIn(child: DriverChild): Promise<readonly string[]> {
    const message = { id: child.newId(), call: 'open', args: [{ cacheDir: this.deps.cacheDir }] }
    const answer = await this.#limited(child, 'open', this.deadlines.callMs, () => child.ask(message))
    const members: unknown = 'value' in answer ? answer.value : []
    if (Array.isArray(members)) return members.filter((member) => typeof member === 'string')
    throw new MachineError('driver', `The ${this.program.name} driver does not say what it can do`)
  }

  /** One call with one answer. @throws the driver's error, the signal's reason, or `timeout` */
  async call(name: string, args: readonly unknown[], signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted()
    const child = await unlessAborted(this.#ready(), signal)
    const id = child.newId()
    const release = this.#forwardAbort(child, id, signal)
    try {
      const answer = await this.#limited(child, name, this.deadlines.callMs, () =>
        child.ask({ id, call: name, args }),
      )
      signal?.throwIfAborted()
      const value = 'value' in answer ? (answer.value ?? undefined) : undefined
      return checkedAnswer(this.program.name, name, value)
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    } finally {
      release()
    }
  }

  /** One call with a stream of answers; each is asked for only when the consumer wants it, and awaited for `eventMs`. */
  async *stream(
    name: string,
    args: readonly unknown[],
    signal: AbortSignal,
    eventMs = this.deadlines.eventMs,
  ): AsyncGenerator<unknown, void, void> {
    for await (const event of this.#events(name, args, signal, eventMs))
      yield checkedAnswer(this.program.name, name, event)
  }

  async *#events(
    name: string,
    args: readonly unknown[],
    signal: AbortSignal,
    eventMs: number,
  ): AsyncGenerator<unknown, void, void> {
    signal.throwIfAborted()
    const child = await unlessAborted(this.#ready(), signal)
    const id = child.newId()
    const release = this.#forwardAbort(child, id, signal)
    const ask = (message: Extract<ToChild, { id: number }>): Promise<FromChild> =>
      this.#limited(child, name, eventMs, () => child.ask(message))
    let open = false
    try {
      await ask({ id, call: name, args })
      open = true
      for (;;) {
        const answer = await ask({ id, next: true })
        if (!('value' in answer)) break
        yield answer.value
      }
      open = false
    } catch (error) {
      open = false
      signal.throwIfAborted()
      throw error
    } finally {
      release()
      if (open) child.send({ id, end: true })
    }
  }

  async #ready(): Promise<DriverChild> {
    await this.open()
    if (this.#child) return this.#child
    throw new MachineError('driver', `The process of the ${this.program.name} driver is not there`)
  }

  /** Tells the child of an abort and ends it when it does not stop in time. Returns what undoes this. */
  #forwardAbort(child: DriverChild, id: number, signal: AbortSignal | undefined): () => void {
    let stopWaiting = (): void => undefined
    const forget = onAbort(signal, () => {
      child.send({ id, abort: errorText(signal?.reason) })
      stopWaiting = after(this.deadlines.abortMs, () =>
        child.end(this.#overdue('its abort', this.deadlines.abortMs, child), 'SIGKILL'),
      )
    })
    return () => {
      forget()
      stopWaiting()
    }
  }

  /** Runs a question within a deadline; a child that misses it is ended, since nothing is known of it any more. */
  async #limited<T>(child: DriverChild, name: string, limitMs: number, ask: () => Promise<T>): Promise<T> {
    let answered = false
    const asking = ask().finally(() => (answered = true))
    try {
      return await withDeadline(
        `the ${this.program.name} driver's answer to ${name}`,
        limitMs,
        () => asking,
        {
          evidence: () => child.stderr.trim() || undefined,
        },
      )
    } catch (error) {
      if (!answered) child.end(toMachineError(error), 'SIGKILL')
      throw error
    }
  }

  #overdue(what: string, limitMs: number, child: DriverChild): MachineError {
    const evidence = child.stderr.trim()
    return new MachineError(
      'timeout',
      `The process of the ${this.program.name} driver did not react to ${what} in ${limitMs / 1000} s and was ended`,
      evidence === '' ? {} : { evidence },
    )
  }

  async #lend(call: string, args: readonly unknown[]): Promise<unknown> {
    const [first, second] = args
    if (call === 'runtimeDir') return await this.deps.runtimeDir(String(first))
    if (call === 'spawnHelper') return await this.deps.spawnHelper(String(first), second as JsonObject)
    throw new Error(`nothing called ${call} is lent to drivers`)
  }
}
