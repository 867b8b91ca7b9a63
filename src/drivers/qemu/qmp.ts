import { createConnection, type Socket } from 'node:net'
import { MachineError, messageOf } from '../../contracts/errors.js'
import type { Json, JsonObject } from '../../contracts/json.js'
import { onAbort, timeoutSignal } from '../../util/abort.js'
import { BoundedLines } from '../../util/bounded-lines.js'
import { jsonObject } from '../../util/json-object.js'
import { after } from '../../util/wait.js'

interface Waiting {
  resolve(value: Json): void
  reject(error: unknown): void
}

const GREETING_MS = 5_000
/** For all that one connection is for. QEMU answers at once, unless it hangs: at a disk that does not answer, or stopped. */
const WORK_MS = 60_000
/** More than any answer to what we ask. */
const LONGEST_ANSWER = 4 * 1024 * 1024
/** What answers a command, or greets. Anything else is an event, or is passed over. */
const ANSWERS = ['return', 'error', 'QMP'] as const

/**
 * A connection to QEMU's monitor. Commands are answered in order; events are dropped.
 * Source: QEMU docs/interop/qmp-spec.txt
 */
export class QmpClient {
  readonly #socket: Socket
  readonly #waiting: Waiting[] = []
  #broken: unknown
  /** Resolves when the connection is gone: for the forwarder this is the end of the VM. */
  readonly closed: Promise<void>

  private constructor(socket: Socket, path: string) {
    this.#socket = socket
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#fail(new MachineError('driver', `QEMU closed its monitor ${path}`))
        resolve()
      })
    })
    socket.on('error', (cause) =>
      this.#fail(
        new MachineError('driver', `QEMU closed its monitor ${path} (${messageOf(cause)})`, { cause }),
      ),
    )
    socket.setEncoding('utf8')
    const onTooLong = (): void => {
      this.#fail(new MachineError('driver', `What answers at ${path} says a line without end: no QEMU does`))
      socket.destroy()
    }
    const lines = new BoundedLines((line) => this.#receive(line), { longest: LONGEST_ANSWER, onTooLong })
    socket.on('data', (chunk: string) => lines.add(chunk))
  }

  /**
   * Connects and negotiates.
   * @throws MachineError `driver` when nothing listens there or QEMU does not greet in time
   */
  static async connect(path: string, signal?: AbortSignal, greetingMs = GREETING_MS): Promise<QmpClient> {
    const limit = timeoutSignal(greetingMs)
    const both = signal ? AbortSignal.any([signal, limit]) : limit
    const client = new QmpClient(createConnection(path), path)
    const forget = onAbort(both, () => client.#fail(limit.aborted ? silent(path, greetingMs) : both.reason))
    try {
      await client.#next()
      await client.execute('qmp_capabilities')
      return client
    } catch (error) {
      client.close()
      signal?.throwIfAborted()
      throw new MachineError('driver', `Cannot talk to QEMU at ${path}: ${messageOf(error)}`, {
        cause: error,
      })
    } finally {
      forget()
    }
  }

  /** Runs one command. @throws MachineError `driver` with QEMU's own words */
  async execute(command: string, args?: JsonObject): Promise<Json> {
    const answer = this.#next()
    this.#socket.write(`${JSON.stringify({ execute: command, ...(args ? { arguments: args } : {}) })}\n`)
    return await answer
  }

  /** Runs a line of the human monitor, for what QMP has no command: host forwards. Its answer is text. */
  async human(line: string): Promise<string> {
    const answer = await this.execute('human-monitor-command', { 'command-line': line })
    return typeof answer === 'string' ? answer.replaceAll('\r', '') : ''
  }

  /** @param why what those are told who wait for an answer */
  close(why?: MachineError): void {
    if (why) this.#fail(why)
    this.#socket.destroy()
  }

  #next(): Promise<Json> {
    return new Promise((resolve, reject) => {
      if (this.#broken !== undefined) reject(this.#broken)
      else this.#waiting.push({ resolve, reject })
    })
  }

  #receive(line: string): void {
    const message = jsonObject(line)
    if (message === undefined || !ANSWERS.some((key) => Object.hasOwn(message, key))) return
    const next = this.#waiting.shift()
    if (Object.hasOwn(message, 'error'))
      next?.reject(new MachineError('driver', `QEMU: ${descriptionOf(message['error'])}`))
    else next?.resolve(message['return'] ?? message['QMP'] ?? null)
  }

  #fail(error: unknown): void {
    this.#broken ??= error
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#broken)
  }
}

/**
 * Connects, does one thing and disconnects: a monitor serves one client at a time.
 * @throws MachineError `timeout` when that is not done within `workMs`
 */
export async function withQmp<T>(
  path: string,
  signal: AbortSignal,
  work: (qmp: QmpClient) => Promise<T>,
  workMs = WORK_MS,
): Promise<T> {
  const qmp = await QmpClient.connect(path, signal)
  const forget = onAbort(signal, () => qmp.close())
  const stop = after(workMs, () => qmp.close(hanging(path, workMs)))
  try {
    return await work(qmp)
  } finally {
    forget()
    stop()
    qmp.close()
  }
}

function descriptionOf(error: Json | undefined): string {
  const text = typeof error === 'object' && error !== null && 'desc' in error ? error['desc'] : undefined
  return typeof text === 'string' ? text : JSON.stringify(error)
}

function hanging(path: string, ms: number): MachineError {
  return new MachineError(
    'timeout',
    `QEMU took the connection at ${path} and did not answer in ${ms / 1000} s`,
  )
}

function silent(path: string, ms: number): Error {
  return new Error(`no greeting within ${ms / 1000} s from ${path} (another client may hold it)`)
}
