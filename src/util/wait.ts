import type { Clock } from '../contracts/clock.js'
import { isMachineError, MachineError, messageOf } from '../contracts/errors.js'
import { onAbort } from './abort.js'
import { systemClock, timerMs } from './clock.js'

/** Limits of one wait. Nothing else in this project sleeps. */
export interface WaitOptions {
  /** Milliseconds for the whole wait, probes included. */
  readonly deadlineMs: number
  /** First pause between probes; grows by half each time up to `maxIntervalMs`. */
  readonly intervalMs?: number
  readonly maxIntervalMs?: number
  readonly signal?: AbortSignal
  readonly clock?: Clock
  /** What to try when it did not happen. */
  readonly hints?: readonly string[]
  /** Asked before giving up at the deadline: milliseconds more, because there is still movement; 0 ends the wait. */
  readonly extendMs?: () => number
  /** The last thing really seen, for the timeout's text (console tail). */
  readonly evidence?: () => string | undefined
}

/** A probe answers `undefined` for "not yet"; `Pending` says what it saw instead. */
export class Pending {
  constructor(
    readonly observation: string,
    /** Milliseconds that must pass before it is worth asking again. */
    readonly pauseMs = 0,
  ) {}
}

/** "Not yet", with what was seen: it ends up in the timeout's text. */
export function pending(observation: string, pauseMs?: number): Pending {
  return new Pending(observation, pauseMs)
}

const FIRST_INTERVAL_MS = 100
const MAX_INTERVAL_MS = 2_000

/**
 * Probes until a value comes. Errors of the probe count as "not yet" unless they are MachineErrors (those are final).
 * @throws MachineError `timeout` naming what was waited for, how long, and the last real observation
 */
export async function waitFor<T>(
  what: string,
  probe: (signal: AbortSignal) => Promise<T | Pending | undefined>,
  options: WaitOptions,
): Promise<T> {
  const clock = options.clock ?? systemClock
  const started = clock.monotonicMs()
  let deadline = started + options.deadlineMs
  let interval = options.intervalMs ?? FIRST_INTERVAL_MS
  let last = 'nothing was seen'
  for (;;) {
    options.signal?.throwIfAborted()
    const outcome = await attempt(probe, deadline - clock.monotonicMs(), options.signal)
    if (outcome.done) return outcome.value
    last = outcome.seen ?? last
    const pause = Math.max(interval, outcome.pauseMs ?? 0)
    if (clock.monotonicMs() + pause > deadline) deadline += options.extendMs?.() ?? 0
    if (clock.monotonicMs() + pause > deadline) break
    await clock.sleep(pause, options.signal)
    interval = Math.min(interval * 1.5, options.maxIntervalMs ?? MAX_INTERVAL_MS)
  }
  throw timeoutError(what, clock.monotonicMs() - started, last, options)
}

type Outcome<T> = { done: true; value: T } | { done: false; seen?: string; pauseMs?: number }

async function attempt<T>(
  probe: (signal: AbortSignal) => Promise<T | Pending | undefined>,
  leftMs: number,
  outer?: AbortSignal,
): Promise<Outcome<T>> {
  const limit = limitSignal(Math.max(1, leftMs), outer)
  try {
    const value = await probe(limit.signal)
    if (value === undefined) return { done: false }
    if (value instanceof Pending) return { done: false, seen: value.observation, pauseMs: value.pauseMs }
    return { done: true, value }
  } catch (error) {
    outer?.throwIfAborted()
    if (isMachineError(error)) throw error
    if (limit.signal.aborted) return { done: false }
    return { done: false, seen: messageOf(error) }
  } finally {
    limit.clear()
  }
}

/** Why the signal of a wait is aborted when its time is over; any other reason is a caller's. */
export class DeadlineReached extends Error {
  constructor() {
    super('the time is over')
  }
}

/** Calls once after `ms`, unless what it returns is called before. For what has no promise to race with. */
export function after(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, timerMs(ms))
  return () => clearTimeout(timer)
}

/** A signal that is aborted after `ms` or with `outer`. Unlike `AbortSignal.timeout` it keeps the process alive. */
function limitSignal(ms: number, outer?: AbortSignal): { signal: AbortSignal; clear: () => void } {
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(new DeadlineReached()), timerMs(ms))
  const signal = outer ? AbortSignal.any([outer, limit.signal]) : limit.signal
  return { signal, clear: () => clearTimeout(timer) }
}

function timeoutError(what: string, tookMs: number, last: string, options: WaitOptions): MachineError {
  const evidence = options.evidence?.()
  return new MachineError(
    'timeout',
    `Gave up waiting for ${what} after ${seconds(tookMs)}; last seen: ${last}`,
    {
      hints: options.hints ?? [],
      ...(evidence === undefined ? {} : { evidence }),
    },
  )
}

function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`
}

/** Limits of one retried action. */
export interface RetryOptions extends WaitOptions {
  /** Whether another attempt can help. Errors it refuses are thrown as they are. */
  readonly isRetryable: (error: unknown) => boolean
  /** Milliseconds that must pass before the next attempt; one beyond the deadline ends the retries at once. */
  readonly pauseMs?: (error: unknown) => number
}

/**
 * Does something again while it fails in a way that may pass.
 * @throws the action's own error when it is not retryable; MachineError `timeout` at the deadline
 */
export async function retry<T>(
  what: string,
  action: (signal: AbortSignal) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  let final: { error: unknown } | undefined
  const result = await waitFor<{ value: T } | { failed: true }>(
    what,
    async (signal) => {
      try {
        return { value: await action(signal) }
      } catch (error) {
        // Ended by our own deadline (or by the caller): the wait says so, not the action.
        if (signal.aborted && !isMachineError(error)) throw error
        if (options.isRetryable(error)) return pending(messageOf(error), options.pauseMs?.(error))
        final = { error }
        return { failed: true }
      }
    },
    options,
  )
  if ('value' in result) return result.value
  throw final?.error
}

/** Limits of one piece of work. */
export interface DeadlineOptions {
  readonly signal?: AbortSignal
  readonly hints?: readonly string[]
  readonly evidence?: () => string | undefined
  /** Milliseconds that aborted work gets to write down what it made before its caller goes on. */
  readonly graceMs?: number
  readonly clock?: Clock
}

/** Rejects with a `timeout` error when `work` takes longer; `work` gets a signal that is aborted then. */
export async function withDeadline<T>(
  what: string,
  deadlineMs: number,
  work: (signal: AbortSignal) => Promise<T>,
  options: DeadlineOptions = {},
): Promise<T> {
  const limit = limitSignal(deadlineMs, options.signal)
  let why: MachineError | undefined
  try {
    const running = work(limit.signal)
    const expired = whenAborted(limit.signal)
    const winner = await Promise.race([running.then((value) => ({ value })), expired])
    if (winner !== 'aborted') return winner.value
    why = await failureWithin(running, options.graceMs ?? 0, options.clock ?? systemClock)
  } finally {
    limit.clear()
  }
  options.signal?.throwIfAborted()
  const seen = options.evidence?.()?.split('\n').at(-1) ?? why?.message ?? 'nothing was seen'
  const hints = [...(options.hints ?? []), ...(why?.hints ?? [])]
  throw timeoutError(what, deadlineMs, seen, { deadlineMs, ...options, hints })
}

/** One deadline for many pieces of work: one timer, and one signal for all of them. `end` it when they are done. */
export class SharedDeadline {
  readonly #stop = new AbortController()
  readonly #done = new AbortController()
  /** A set of our own: a signal with thousands of listeners takes long to lose one. */
  readonly #waiting = new Set<() => void>()
  readonly #ms: number
  #over: { readonly reason: unknown } | undefined

  constructor(ms: number, { clock = systemClock, signal }: Pick<DeadlineOptions, 'clock' | 'signal'> = {}) {
    this.#ms = ms
    const over = signal ? AbortSignal.any([signal, this.#done.signal]) : this.#done.signal
    clock.sleep(ms, over).then(
      () => this.#expire(new DeadlineReached()),
      () => this.#expire(signal?.reason),
    )
  }

  /** Aborted at the deadline, or with the caller's own signal. */
  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** @throws MachineError `timeout` when the deadline comes first */
  async within<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    let stop = (): void => undefined
    const stopped = new Promise<never>((_resolve, reject) => {
      stop = () => reject(this.#failure(what))
    })
    if (this.signal.aborted) stop()
    else this.#waiting.add(stop)
    try {
      return await Promise.race([work(this.signal), stopped])
    } finally {
      this.#waiting.delete(stop)
    }
  }

  end(): void {
    this.#done.abort()
  }

  /** Those who wait are told before their work is, which would say less. */
  #expire(reason: unknown): void {
    this.#over = { reason }
    for (const stop of this.#waiting) stop()
    this.#waiting.clear()
    this.#stop.abort(reason)
  }

  #failure(what: string): unknown {
    const reason = this.#over?.reason
    if (!(reason instanceof DeadlineReached)) return reason
    return timeoutError(what, this.#ms, 'nothing was seen', { deadlineMs: this.#ms })
  }
}

/**
 * Work that an abort does not end at once, because its result must not be lost: its own signal is aborted `graceMs()`
 * later.
 */
export async function outlasting<T>(
  signal: AbortSignal,
  graceMs: () => number,
  clock: Clock,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const late = new AbortController()
  const over = new AbortController()
  const forget = onAbort(
    signal,
    () =>
      void clock.sleep(graceMs(), over.signal).then(
        () => late.abort(signal.reason),
        () => undefined,
      ),
  )
  try {
    return await work(late.signal)
  } finally {
    forget()
    over.abort()
  }
}

function whenAborted(signal: AbortSignal): Promise<'aborted'> {
  return new Promise((resolve) => onAbort(signal, () => resolve('aborted')))
}

/** What aborted work says of what it was waiting for, if it ends in time. */
async function failureWithin(
  running: Promise<unknown>,
  graceMs: number,
  clock: Clock,
): Promise<MachineError | undefined> {
  const enough = new AbortController()
  const settled = running.then(
    () => undefined,
    (error: unknown) => (isMachineError(error) ? error : undefined),
  )
  const failure = await Promise.race([settled, clock.sleep(graceMs, enough.signal).catch(() => undefined)])
  enough.abort()
  return failure ?? undefined
}

/** Does something again and again until the signal or until it says that it is enough (`false`). */
export async function repeat(
  work: () => Promise<boolean>,
  options: { readonly intervalMs: number; readonly signal: AbortSignal; readonly clock: Clock },
): Promise<void> {
  const { intervalMs, signal, clock } = options
  try {
    while (await work()) await clock.sleep(intervalMs, signal)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
