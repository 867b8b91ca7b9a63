import type { Readable, Writable } from 'node:stream'
import type { Driver, DriverDeps, DriverFactory, JsonObject } from '../../contracts/driver.js'
import { messageOf } from '../../contracts/errors.js'
import { systemClock } from '../../util/clock.js'
import { ConfigReader } from '../common/config-reader.js'
import {
  aloneDeps,
  noDesk,
  FACTORY_CALLS,
  membersOf,
  STREAM_CALLS,
  SYNC_CALLS,
  UNARY_CALLS,
} from './calls.js'
import {
  errorFromText,
  errorText,
  LineCutter,
  messageLine,
  readMessage,
  type FromChild,
  type ToChild,
} from './protocol.js'

interface Running {
  readonly abort: AbortController
  events?: AsyncIterator<unknown>
}

/** The child's side: answers requests about one driver until its input ends, then aborts what still runs. */
export class DriverServer {
  readonly #running = new Map<number, Running>()
  readonly #lent = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  #driver: Promise<Driver> | undefined
  #lastLent = 0

  constructor(
    private readonly factory: DriverFactory,
    private readonly output: Writable,
  ) {
    // The parent has gone; the end of its requests says so, and what still runs shall come to its own end.
    output.on('error', () => undefined)
  }

  /** Serves until `input` ends. */
  async serve(input: Readable): Promise<void> {
    const lines = new LineCutter((line) => this.#take(readMessage(line) as ToChild | undefined))
    input.setEncoding('utf8')
    for await (const text of input) lines.add(text as string)
    for (const { abort } of this.#running.values()) abort.abort(new Error('the parent process has gone'))
  }

  #send(message: FromChild): void {
    this.output.write(messageLine(message))
  }

  #take(message: ToChild | undefined): void {
    if (message === undefined) return
    if ('lent' in message) this.#settleLent(message)
    else if ('call' in message)
      void this.#answer(message.id, () => this.#begin(message.id, message.call, message.args))
    else if ('next' in message) void this.#answer(message.id, () => this.#next(message.id))
    else if ('end' in message) void this.#end(message.id)
    else this.#running.get(message.id)?.abort.abort(errorFromText(message.abort))
  }

  async #answer(id: number, work: () => Promise<FromChild>): Promise<void> {
    try {
      this.#send(await work())
    } catch (error) {
      this.#running.delete(id)
      this.#send({ id, error: errorText(error) })
    }
  }

  async #begin(id: number, call: string, args: readonly unknown[]): Promise<FromChild> {
    const ofFactory = FACTORY_CALLS[call]
    if (ofFactory) return { id, value: ofFactory(this.factory, args) ?? null }
    if (call === 'open') return { id, value: await this.#open(args[0] as JsonObject) }
    const running: Running = { abort: new AbortController() }
    this.#running.set(id, running)
    if (call === 'diagnose')
      return this.#finish(id, await this.#diagnose(args[0] === true, running.abort.signal))
    return await this.#ofDriver(id, call, args, running)
  }

  async #ofDriver(id: number, call: string, args: readonly unknown[], running: Running): Promise<FromChild> {
    const driver = await this.#opened()
    const stream = STREAM_CALLS[call]?.(driver, args, running.abort.signal)
    if (stream) {
      running.events = stream[Symbol.asyncIterator]()
      return { id, value: null }
    }
    const unary = UNARY_CALLS[call]?.(driver, args, running.abort.signal)
    if (!unary) throw new Error(`${this.factory.name} driver has no ${call}`)
    return this.#finish(id, await unary)
  }

  #finish(id: number, value: unknown): FromChild {
    this.#running.delete(id)
    return { id, value: value ?? null }
  }

  async #next(id: number): Promise<FromChild> {
    const step = await this.#running.get(id)?.events?.next()
    if (step && !step.done) return { id, value: step.value }
    this.#running.delete(id)
    return { id, done: true }
  }

  /** The consumer wants no more events: the generator's `finally` parts still run. */
  async #end(id: number): Promise<void> {
    const running = this.#running.get(id)
    this.#running.delete(id)
    try {
      await running?.events?.return?.()
    } catch {
      // Nobody waits for it any more.
    }
  }

  async #open(lent: JsonObject): Promise<readonly string[]> {
    this.#driver = this.factory.open(this.#deps(new ConfigReader(lent).string('cacheDir')))
    return membersOf(await this.#driver)
  }

  async #opened(): Promise<Driver> {
    this.#driver ??= this.factory.open(this.#deps(''))
    return await this.#driver
  }

  async #diagnose(probe: boolean, signal: AbortSignal): Promise<unknown> {
    return await this.factory.diagnose?.(this.#deps(''), { probe, signal })
  }

  #deps(cacheDir: string): DriverDeps {
    return {
      clock: systemClock,
      cacheDir,
      runtimeDir: async (machineId) => String(await this.#borrow('runtimeDir', [machineId])),
      account: noDesk,
      spawnHelper: async (name, args) => Number(await this.#borrow('spawnHelper', [name, args])),
    }
  }

  #borrow(call: string, args: readonly unknown[]): Promise<unknown> {
    const lent = ++this.#lastLent
    this.#send({ lent, call, args })
    return new Promise((resolve, reject) => this.#lent.set(lent, { resolve, reject }))
  }

  #settleLent(message: Extract<ToChild, { lent: number }>): void {
    const waiting = this.#lent.get(message.lent)
    this.#lent.delete(message.lent)
    if ('error' in message) waiting?.reject(errorFromText(message.error))
    else waiting?.resolve(message.value)
  }
}

/** Answers one request that needs no conversation (`describe`, `parse`, `endpoint` ...). */
export async function answerOnce(factory: DriverFactory, line: string): Promise<string> {
  const request = readMessage(line) as { call: string; args: readonly unknown[]; cacheDir: string }
  try {
    const ofFactory = FACTORY_CALLS[request.call]
    if (ofFactory) return JSON.stringify({ id: 0, value: ofFactory(factory, request.args) ?? null })
    const ofDriver = SYNC_CALLS[request.call]
    if (!ofDriver) throw new Error(`${factory.name} driver has no ${request.call}`)
    const driver = await factory.open(aloneDeps(systemClock, request.cacheDir))
    return JSON.stringify({ id: 0, value: ofDriver(driver, request.args) ?? null })
  } catch (error) {
    return JSON.stringify({ id: 0, error: errorText(error), text: messageOf(error) })
  }
}
