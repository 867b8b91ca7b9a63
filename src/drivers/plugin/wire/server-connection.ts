import type { Socket } from 'node:net'
import { after } from '../../../util/wait.js'
import { GobDecoder } from './gob/decoder.js'
import { GobEncoder } from './gob/encoder.js'
import type { GobLimits } from './gob/limits.js'
import { CONNECT_REPLY, CONNECT_REQUEST, type Envelope, GreetingReader, Pairs } from './net-rpc.js'
import type { GobValue } from './gob/values.js'
import { SERVER_SCHEMA } from './schema.js'
import type { ServerCalls } from './server-calls.js'

/** Calls of one connection that run at once. */
const MAX_RUNNING = 64
/** Milliseconds that a client gets for its greeting. */
const GREETING_MS = 10_000
/** Milliseconds that running calls get for their answers when we close. */
const GRACE_MS = 500
const REFUSAL = 'HTTP/1.0 405 Method Not Allowed\r\nContent-Type: text/plain\r\n\r\n405 must CONNECT\n'

interface Call {
  readonly envelope: Envelope
  readonly body: GobValue
}

/** One client of ours. What it sends ends at most its own connection. */
export class ServerConnection {
  readonly #socket: Socket
  readonly #calls: ServerCalls
  readonly #greeting = new GreetingReader()
  readonly #decoder: GobDecoder
  readonly #encoder = new GobEncoder(SERVER_SCHEMA)
  readonly #pairs = new Pairs()
  readonly #stopWaiting: () => void
  /** Calls that came and were not begun. */
  readonly #queue: Call[] = []
  #isGreeted = false
  #hasAnswered = false
  #isClosing = false
  #running = 0
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>

  constructor(socket: Socket, calls: ServerCalls, limits: GobLimits) {
    this.#socket = socket
    this.#calls = calls
    this.#decoder = new GobDecoder(limits)
    this.#stopWaiting = after(GREETING_MS, () => socket.destroy())
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    void this.closed.then(this.#stopWaiting)
    socket.on('error', () => socket.destroy())
    socket.on('drain', () => this.#work())
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
  }

  /** Lets running calls answer for a moment, then ends. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#queue.length = 0
    this.#socket.pause()
    if (this.#running === 0) this.#socket.destroySoon()
    const stop = after(GRACE_MS, () => this.#socket.destroy())
    await this.closed
    stop()
  }

  /** A client that does not speak the protocol has nothing to be answered with. */
  #receive(chunk: Buffer): void {
    try {
      if (this.#isGreeted) this.#decode(chunk)
      else this.#greet(chunk)
    } catch {
      this.#socket.destroy()
    }
  }

  #greet(chunk: Buffer): void {
    const greeted = this.#greeting.push(chunk)
    if (!greeted) return
    if (!greeted.greeting.startsWith(CONNECT_REQUEST.trimEnd())) {
      this.#socket.removeAllListeners('data').resume().end(REFUSAL)
      return
    }
    this.#stopWaiting()
    this.#isGreeted = true
    this.#socket.write(CONNECT_REPLY)
    this.#decode(greeted.rest)
  }

  #decode(chunk: Buffer): void {
    for (const value of this.#decoder.push(chunk)) {
      const call = this.#pairs.push(value)
      if (call) this.#queue.push(call)
    }
    this.#work()
  }

  /** Begins the calls that wait, as far as the client takes the answers, and reads on when none is left. */
  #work(): void {
    while (this.#isTaking && this.#running < MAX_RUNNING) {
      const call = this.#queue.shift()
      if (!call) break
      void this.#serve(call)
    }
    if (this.#isClosing || this.#queue.length > 0) this.#socket.pause()
    else this.#socket.resume()
  }

  /** The client is there and takes what we send. */
  get #isTaking(): boolean {
    return this.#socket.writable && !this.#socket.writableNeedDrain
  }

  async #serve({ envelope, body }: Call): Promise<void> {
    this.#running++
    const answer = await this.#calls.answer(envelope, body, this.#encoder)
    this.#running--
    this.#send(answer)
    if (this.#isClosing && this.#running === 0) this.#socket.destroySoon()
    else this.#work()
  }

  /** Definitions go with the first answer: a client of Go loses what comes before its first call. */
  #send(answer: Buffer): void {
    if (!this.#socket.writable) return
    if (!this.#hasAnswered) this.#socket.write(this.#encoder.definitions())
    this.#hasAnswered = true
    this.#socket.write(answer)
  }
}
