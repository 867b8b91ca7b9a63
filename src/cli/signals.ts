import { setMaxListeners } from 'node:events'
import { MachineError } from '../contracts/errors.js'

/** The part of `process` that this needs; tests pass an EventEmitter. */
export interface SignalSource {
  on(event: 'SIGINT' | 'SIGTERM' | 'SIGHUP', listener: () => void): unknown
  exit(code: number): void
}

const EXIT: Readonly<Record<'SIGINT' | 'SIGTERM' | 'SIGHUP', number>> = {
  SIGINT: 130,
  SIGTERM: 143,
  SIGHUP: 129,
}

/**
 * The first signal aborts the work, which records what exists and ends by itself; a second one ends the process at
 * once. Nothing relies on exit handlers: the record of any moment names everything that was made.
 */
export function watchSignals(source: SignalSource): { readonly signal: AbortSignal } {
  const controller = new AbortController()
  // As many listeners as machines are worked on: no leak that would need a warning.
  setMaxListeners(0, controller.signal)
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    source.on(name, () => {
      if (controller.signal.aborted) source.exit(EXIT[name])
      else controller.abort(interruption(name))
    })
  return { signal: controller.signal }
}

function interruption(name: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): MachineError {
  return new MachineError('cancelled', `Interrupted by ${name}`, { exitCode: EXIT[name] })
}
