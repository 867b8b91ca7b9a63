import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { Clock } from '../../../contracts/clock.js'
import { isMachineError, MachineError } from '../../../contracts/errors.js'
import { BoundedLines } from '../../../util/bounded-lines.js'
import { systemClock } from '../../../util/clock.js'
import { after, withDeadline } from '../../../util/wait.js'
import { type PluginAddress, readAddress } from '../wire/address.js'
import { endAtExit } from './child-registry.js'
import { deferred } from './deferred.js'
import { checkDepth, pluginEnvironment } from './environment.js'
import { requireProgram, startFailure } from './program-file.js'

/** What a plugin prints: `info` is meant for the user, `debug` is not. */
export type PluginLog = (level: 'info' | 'debug', line: string) => void

export interface PluginProcessOptions {
  /** The driver's name. */
  readonly driver: string
  /** Absolute path of the plugin's program. */
  readonly program: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly onLog: PluginLog
  readonly addressDeadlineMs?: number
  readonly clock?: Clock
  readonly signal?: AbortSignal
}

const ADDRESS_MS = 10_000
/** How long a process may take to end after it was told to in one way, before the next one is tried. */
const GRACE_MS = 2_000
/** How long the pipes of an ended process may stay open: what it started may hold them for hours. */
const DRAIN_MS = 250
const KEPT_STDERR = 4_000

/**
 * One process of a driver plugin. It never keeps our process alive (whoever waits for it has a deadline that does), and
 * it does not outlive us.
 */
export class PluginProcess {
  readonly #child: ChildProcess
  readonly #firstLine = deferred<string>()
  /** The process is gone; its pipes may still have something in them. */
  readonly #exited = deferred<void>()
  readonly #over = deferred<MachineError>()
  readonly #clock: Clock
  #stderr = ''
  #lines = 0
  #address: PluginAddress | undefined
  #ending: Promise<void> | undefined

  private constructor(private readonly options: PluginProcessOptions) {
    this.#clock = options.clock ?? systemClock
    // In a session of its own: the terminal's Ctrl-C would cut off a Create that we let come to its end.
    this.#child = spawn(options.program, [], {
      env: pluginEnvironment(options.driver, options.env),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    endAtExit(this.#child)
    this.#listen()
    this.#unref()
  }

  /** Starts it and waits for its address. @throws MachineError `driver` with what it printed on stderr; nothing is left then */
  static async start(options: PluginProcessOptions): Promise<PluginProcess> {
    checkDepth(`The plugin of driver ${options.driver}`, options.env)
    options.signal?.throwIfAborted()
    requireProgram(options)
    const started = PluginProcess.#spawn(options)
    try {
      started.#address = await started.#awaitAddress()
      return started
    } catch (error) {
      await started.end()
      throw error
    }
  }

  static #spawn(options: PluginProcessOptions): PluginProcess {
    try {
      return new PluginProcess(options)
    } catch (error) {
      const { how, hints } = startFailure(options, error)
      throw new MachineError('driver', `The plugin of driver ${options.driver} ${how} (${options.program})`, {
        hints,
      })
    }
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get address(): PluginAddress {
    if (!this.#address) throw new Error('the plugin has not told its address yet')
    return this.#address
  }

  /** Resolves once the process is gone and its last words are read, with how it ended. */
  get ended(): Promise<MachineError> {
    return this.#over.promise
  }

  /** The last that it wrote on stderr. */
  get words(): string {
    return this.#stderr.trim()
  }

  /** Ends it: `ask` asks it to go, then signals to this very child do not ask. Resolves when it is gone. */
  end(ask?: () => Promise<unknown>): Promise<void> {
    return (this.#ending ??= this.#end(ask))
  }

  async #end(ask?: () => Promise<unknown>): Promise<void> {
    if (ask) {
      await Promise.race([ask().catch(() => undefined), this.#exited.promise])
      if (await this.#goneWithin(GRACE_MS)) return
    }
    // The child alone, not its group: a VM that the plugin started may be in there, and is the user's.
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      this.#child.kill(signal)
      if (await this.#goneWithin(GRACE_MS)) return
    }
  }

  async #goneWithin(ms: number): Promise<boolean> {
    const enough = new AbortController()
    const late = this.#clock.sleep(ms, enough.signal).then(
      () => false,
      () => false,
    )
    const gone = await Promise.race([this.#exited.promise.then(() => true), late])
    // Without a reason Node makes an error with a stack for it.
    enough.abort('gone')
    return gone
  }

  async #awaitAddress(): Promise<PluginAddress> {
    const line = await this.#awaitFirstLine()
    const address = readAddress(line)
    if (address) return address
    const seen = JSON.stringify(line.slice(0, 200))
    throw this.#failure(`began with ${seen} instead of an address of this computer`)
  }

  async #awaitFirstLine(): Promise<string> {
    const { addressDeadlineMs = ADDRESS_MS, signal } = this.options
    const died = this.ended.then((error) => Promise.reject(error))
    try {
      return await withDeadline(
        'the address of the plugin',
        addressDeadlineMs,
        () => Promise.race([this.#firstLine.promise, died]),
        signal ? { signal } : {},
      )
    } catch (error) {
      if (!isMachineError(error) || error.code !== 'timeout') throw error
      throw this.#noAddress(addressDeadlineMs)
    }
  }

  #noAddress(ms: number): MachineError {
    const words = `Failed to dial the plugin server in ${ms / 1_000}s`
    return new MachineError(
      'driver',
      `Error attempting to get plugin server address for RPC: ${words} (${this.options.program})`,
      evidenceOf(this.words),
    )
  }

  #listen(): void {
    const out = new BoundedLines((line) => this.#takeOut(line))
    const err = new BoundedLines((line) => this.options.onLog('debug', line))
    drain(this.#child.stdout, out)
    drain(this.#child.stderr, err, (text) => (this.#stderr = (this.#stderr + text).slice(-KEPT_STDERR)))
    this.#child.once('error', (error) => {
      const { how, hints } = startFailure(this.options, error)
      this.#conclude(how, hints)
    })
    this.#child.once('exit', (code, signal) => this.#leave(`ended with ${signal ?? `status ${code}`}`))
  }

  #takeOut(line: string): void {
    if (this.#lines++ === 0) this.#firstLine.resolve(line)
    else this.options.onLog('info', line)
  }

  /** Its last words come with the end of its pipes. */
  #leave(how: string): void {
    this.#exited.resolve()
    const stop = after(DRAIN_MS, () => this.#conclude(how))
    this.#child.once('close', () => {
      stop()
      this.#conclude(how)
    })
  }

  #conclude(how: string, hints: readonly string[] = []): void {
    this.#exited.resolve()
    this.#over.resolve(this.#failure(how, hints))
    this.#child.stdout?.destroy()
    this.#child.stderr?.destroy()
  }

  #failure(how: string, hints: readonly string[] = []): MachineError {
    const { driver, program } = this.options
    return new MachineError('driver', `The plugin of driver ${driver} ${how} (${program})`, {
      hints,
      ...evidenceOf(this.words),
    })
  }

  #unref(): void {
    this.#child.unref()
    for (const pipe of [this.#child.stdout, this.#child.stderr]) if (pipe instanceof Socket) pipe.unref()
  }
}

/** A plugin's words as a detail of an error. */
export function evidenceOf(words: string): { readonly evidence?: string } {
  return words === '' ? {} : { evidence: words }
}

/** Reads a pipe to its end, whatever comes: a full one would stop the plugin. */
function drain(pipe: Readable | null, lines: BoundedLines, note?: (text: string) => void): void {
  pipe?.setEncoding('utf8')
  pipe?.on('data', (text: string) => {
    note?.(text)
    lines.add(text)
  })
  pipe?.on('error', () => undefined)
  pipe?.once('end', () => lines.end())
}
