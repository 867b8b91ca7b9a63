import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { MachineError } from '../../contracts/errors.js'
import { after } from '../../util/wait.js'
import {
  errorFromText,
  errorText,
  LineCutter,
  readFromChild,
  type FromChild,
  type ToChild,
} from './protocol.js'

/** What to start, and with what: the child gets this environment and no other. */
export interface ChildProgram {
  /** Name for messages, usually the driver's. */
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Told the pid of each conversation's process, for callers that watch over them. */
  readonly onStart?: (pid: number) => void
}

/** Answers calls of the child for what the parent lends. */
export type Lender = (call: string, args: readonly unknown[]) => Promise<unknown>

interface Waiting {
  readonly resolve: (answer: FromChild) => void
  readonly reject: (error: Error) => void
}

interface Handle {
  ref(): void
  unref(): void
}

const KEPT_STDERR = 4_000
/** How long the pipes of an ended process may stay open: what it started may hold them for hours. */
const DRAIN_MS = 1_000

/** One driver process and the conversation with it. It keeps our process alive only while an answer is awaited. */
export class DriverChild {
  /** Without pipes where we had no descriptors left for them; its error comes a moment later. */
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #stderr = ''
  #gone: Error | undefined

  constructor(
    private readonly program: ChildProgram,
    private readonly lend: Lender,
  ) {
    this.#child = spawn(program.program, program.args, {
      env: { ...program.env },
      stdio: 'pipe',
      windowsHide: true,
    })
    this.#listen()
    this.#rest()
    if (this.#child.pid !== undefined) program.onStart?.(this.#child.pid)
  }

  /** True once it has ended; a new one is needed then. */
  get gone(): boolean {
    return this.#gone !== undefined
  }

  /** The last that it wrote on stderr, or printed on stdout beside the protocol. */
  get stderr(): string {
    return this.#stderr
  }

  newId(): number {
    return ++this.#lastId
  }

  /** Sends a message and waits for the answer with its id. @throws the child's own error, or `driver` when it ended */
  async ask(message: Extract<ToChild, { id: number }>): Promise<FromChild> {
    if (this.#gone) throw this.#gone
    const answer = new Promise<FromChild>((resolve, reject) =>
      this.#waiting.set(message.id, { resolve, reject }),
    )
    this.#wake()
    this.send(message)
    const result = await answer
    if ('error' in result) throw errorFromText(result.error)
    return result
  }

  send(message: ToChild): void {
    if (!this.#gone) this.#child.stdin?.write(`${JSON.stringify(message)}\n`)
  }

  /** Ends the process, by its own pid. Calls in flight fail with `reason`. */
  end(reason: Error, signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#fail(reason)
    this.#child.stdin?.end()
    this.#child.kill(signal)
  }

  #listen(): void {
    this.#child.once('error', (error) => this.#fail(this.#ended(`could not be started: ${error.message}`)))
    this.#child.once('exit', (code, signal) => this.#leave(`ended with ${signal ?? `status ${code}`}`))
    const lines = new LineCutter(
      (line) => this.#take(line),
      () => {
        this.end(this.#ended('said a line without end and was ended'), 'SIGKILL')
        // What it has started may still write.
        this.#hangUp()
      },
    )
    const { stdin, stdout, stderr } = this.#child
    stdout?.setEncoding('utf8').on('data', (text: string) => lines.add(text))
    stderr?.setEncoding('utf8').on('data', (text: string) => this.#note(text))
    // A child that ended closes its stdin; its end is told by `exit`.
    stdin?.on('error', () => undefined)
  }

  /** Its last words come with the end of its pipes. */
  #leave(how: string): void {
    const stop = after(DRAIN_MS, () => this.#hangUp())
    this.#child.once('close', () => {
      stop()
      this.#fail(this.#ended(how))
    })
  }

  #hangUp(): void {
    this.#child.stdout?.destroy()
    this.#child.stderr?.destroy()
  }

  #note(text: string): void {
    this.#stderr = (this.#stderr + text).slice(-KEPT_STDERR)
  }

  #take(line: string): void {
    const message = readFromChild(line)
    if (message === undefined) this.#note(`${line}\n`)
    else if ('lent' in message) void this.#lendTo(message)
    else this.#settle(message.id, (waiting) => waiting.resolve(message))
  }

  async #lendTo(message: Extract<FromChild, { lent: number }>): Promise<void> {
    try {
      this.send({ lent: message.lent, value: (await this.lend(message.call, message.args)) ?? null })
    } catch (error) {
      this.send({ lent: message.lent, error: errorText(error) })
    }
  }

  #settle(id: number, how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (waiting) how(waiting)
    if (this.#waiting.size === 0) this.#rest()
  }

  #fail(error: Error): void {
    this.#gone ??= error
    for (const id of [...this.#waiting.keys()]) this.#settle(id, (waiting) => waiting.reject(error))
  }

  #ended(how: string): MachineError {
    const evidence = this.#stderr.trim()
    return new MachineError('driver', `The process of the ${this.program.name} driver ${how}`, {
      ...(evidence === '' ? {} : { evidence }),
    })
  }

  /** The process and its pipes, which are sockets and can be told not to keep us alive. */
  #handles(): Handle[] {
    const { stdin, stdout, stderr } = this.#child
    return [this.#child, ...[stdin, stdout, stderr].filter((stream) => stream instanceof Socket)]
  }

  #rest(): void {
    for (const handle of this.#handles()) handle.unref()
  }

  #wake(): void {
    for (const handle of this.#handles()) handle.ref()
  }
}
