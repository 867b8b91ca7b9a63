import type { TLSSocket } from 'node:tls'
import { onAbort } from '../util/abort.js'
import { after } from '../util/wait.js'
import { classify, EngineProbeError, timeoutError, type Progress } from './errors.js'

export interface RequestLimits {
  readonly signal?: AbortSignal
  /** Milliseconds for the whole request; for a stream, until its first byte. */
  readonly deadlineMs?: number
}

const DEADLINE_MS = 10_000

interface Destroyable {
  destroy(error: Error): unknown
}

/** Deadline, abort and progress of one request. Nothing of it is left when it is over: `ls` makes thousands. */
export class Watch {
  readonly #where: string
  readonly #limits: RequestLimits
  readonly #progress: Progress = { connected: false, secured: false }
  readonly #endDeadline: () => void
  readonly #forget: () => void
  #request: Destroyable | undefined
  #expired = false

  constructor(where: string, limits: RequestLimits) {
    this.#where = where
    this.#limits = limits
    this.#endDeadline = after(limits.deadlineMs ?? DEADLINE_MS, () => {
      this.#expired = true
      this.#stop()
    })
    this.#forget = onAbort(limits.signal, this.#stop)
  }

  begin(request: Destroyable): void {
    this.#request = request
    if (this.#expired || this.#limits.signal?.aborted) this.#stop()
  }

  follow(socket: TLSSocket): void {
    if (socket.getProtocol?.() !== null && !socket.connecting) {
      Object.assign(this.#progress, { connected: true, secured: true })
      return
    }
    socket.once('connect', () => (this.#progress.connected = true))
    socket.once('secureConnect', () => Object.assign(this.#progress, { connected: true, secured: true }))
  }

  /** It is a stream. */
  endDeadline(): void {
    this.#endDeadline()
  }

  /** The answer is complete. */
  release(): void {
    this.#endDeadline()
    this.#forget()
  }

  translate(error: unknown): unknown {
    if (this.#limits.signal?.aborted) return this.#limits.signal.reason
    if (error instanceof EngineProbeError) return error
    if (this.#expired)
      return timeoutError(this.#where, this.#limits.deadlineMs ?? DEADLINE_MS, this.#progress)
    return classify(error, this.#where, this.#progress)
  }

  readonly #stop = (): void => {
    this.#request?.destroy(new Error('the request was ended'))
  }
}

export function statusError(where: string, path: string, status: number, body: string): EngineProbeError {
  const text = `The engine at ${where} answered ${path} with HTTP status ${status}`
  return new EngineProbeError('http', 'status', text, body ? { evidence: body.slice(0, 500) } : {}, status)
}
