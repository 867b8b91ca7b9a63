import type { Client, ClientChannel } from 'ssh2'
import { MachineError } from '../contracts/errors.js'
import type { RemoteExecOptions, RemoteResult, RemoteShell, SshEndpoint } from '../contracts/ssh.js'
import { onAbort, timeoutSignal } from '../util/abort.js'
import { lostError, SshError } from './errors.js'
import { LineCollector, LONGEST_OUTPUT } from './lines.js'

/** A `RemoteShell` over one authenticated ssh2 connection. */
export class SshShell implements RemoteShell {
  readonly #client: Client
  readonly #endpoint: SshEndpoint
  #lost: Error | undefined
  #roundTrips = 0

  constructor(
    client: Client,
    endpoint: SshEndpoint,
    readonly hostKey: string,
  ) {
    this.#client = client
    this.#endpoint = endpoint
    client.on('error', (error) => (this.#lost ??= error))
    client.on('close', () => (this.#lost ??= new Error('the connection was closed')))
  }

  get roundTrips(): number {
    return this.#roundTrips
  }

  async exec(command: string, options: RemoteExecOptions = {}): Promise<RemoteResult> {
    options.signal?.throwIfAborted()
    if (this.#lost) throw this.#lostError()
    this.#roundTrips += 1
    const limit = options.deadlineMs === undefined ? undefined : timeoutSignal(options.deadlineMs)
    const signals = [options.signal, limit].filter((signal) => signal !== undefined)
    const stdout = new LineCollector(options.onStdoutLine)
    const stderr = new LineCollector(options.onStderrLine)
    const stop = AbortSignal.any(signals)
    try {
      const end = await this.#run(command, options, stdout, stderr, stop)
      return { ...end, stdout: stdout.finish(), stderr: stderr.finish() }
    } catch (error) {
      options.signal?.throwIfAborted()
      if (limit?.aborted) throw this.#deadlineError(command, options.deadlineMs ?? 0, stdout, stderr)
      throw error
    }
  }

  close(): void {
    this.#lost ??= new Error('the connection was closed by us')
    this.#client.end()
  }

  #run(
    command: string,
    options: RemoteExecOptions,
    stdout: LineCollector,
    stderr: LineCollector,
    stop: AbortSignal,
  ): Promise<Pick<RemoteResult, 'code' | 'signal'>> {
    return new Promise((resolve, reject) => {
      const onLost = (): void => reject(this.#lostError())
      const settle = (): void => {
        this.#client.removeListener('close', onLost)
        forget()
      }
      let channel: ClientChannel | undefined
      this.#client.once('close', onLost)
      const forget = onAbort(stop, () => {
        if (channel) endChannel(channel)
        settle()
        reject(stop.reason)
      })
      let again = true
      const start = (): void => {
        try {
          this.#client.exec(command, started)
        } catch {
          // Its end has begun, and it has not been told yet.
          settle()
          reject(this.#lostError())
        }
      }
      const started = (error: Error | undefined, opened: ClientChannel): void => {
        if (error && again && !stop.aborted && isChannelRefused(error)) {
          again = false
          return start()
        }
        if (error) {
          settle()
          reject(this.#refusedError(error))
          return
        }
        channel = opened
        if (stop.aborted) return endChannel(opened)
        const collect = (output: LineCollector) => (chunk: Buffer) => {
          output.add(chunk)
          if (!output.isTooLong) return
          settle()
          endChannel(opened)
          reject(this.#tooLongError(command))
        }
        opened.on('data', collect(stdout))
        opened.stderr.on('data', collect(stderr))
        whenEnded(opened, (end) => {
          settle()
          if (end) resolve(end)
          else reject(this.#lostError())
        })
        feed(opened, options.stdin)
      }
      start()
    })
  }

  #lostError(): SshError {
    return lostError(this.#endpoint, this.#lost)
  }

  #refusedError(error: Error): SshError {
    return new SshError('protocol', `The host did not start a command: ${error.message}`, { cause: error })
  }

  #tooLongError(command: string): SshError {
    return new SshError(
      'protocol',
      `The command "${wordOf(command)}" on ${this.#endpoint.host} says more than ${LONGEST_OUTPUT / 1024 ** 2} MiB: it was ended`,
    )
  }

  #deadlineError(command: string, ms: number, out: LineCollector, err: LineCollector): MachineError {
    const seen = err.lastLine() || out.lastLine() || 'no output'
    return new MachineError(
      'timeout',
      `Gave up waiting for the command "${wordOf(command)}" on ${this.#endpoint.host} after ${(ms / 1000).toFixed(1)} s; last seen: ${seen}`,
    )
  }
}

function wordOf(command: string): string {
  return command.trim().split(/\s+/, 1)[0] ?? ''
}

/**
 * ssh2 gives RFC 4254's reason. A host that allows one session at a time has freed the one before only when it has heard
 * that we know of its end, which our next request may overtake.
 */
function isChannelRefused(error: Error & { reason?: unknown }): boolean {
  return typeof error.reason === 'number'
}

/** Exit status first, then the close of the channel; a close without a status means that the connection broke. */
function whenEnded(
  channel: ClientChannel,
  done: (end: Pick<RemoteResult, 'code' | 'signal'> | undefined) => void,
): void {
  let end: Pick<RemoteResult, 'code' | 'signal'> | undefined
  channel.on('exit', (code: number | null, signal?: string) => {
    end = { code, ...(signal ? { signal } : {}) }
  })
  channel.on('error', () => undefined)
  channel.on('close', () => done(end))
}

function feed(channel: ClientChannel, stdin: RemoteExecOptions['stdin']): void {
  if (stdin === undefined) channel.end()
  else if (typeof stdin === 'string' || Buffer.isBuffer(stdin)) channel.end(stdin)
  else {
    stdin.on('error', () => endChannel(channel))
    stdin.pipe(channel)
  }
}

/** Ends the remote command: OpenSSH 7.9 and later pass the signal on, others see their pipes close. */
function endChannel(channel: ClientChannel): void {
  channel.on('error', () => undefined)
  channel.signal('TERM')
  channel.close()
}
