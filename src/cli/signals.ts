import { setMaxListeners } from 'node:events'
import { MachineError } from '../contracts/errors.js'

type SignalName = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

/** The part of `process` that this needs; tests pass an EventEmitter. */
export interface SignalSource {
  on(event: SignalName, listener: () => void): unknown
  removeAllListeners(event: SignalName): unknown
  exit(code: number): void
}

const EXIT: Readonly<Record<SignalName, number>> = {
  SIGINT: 130,
  SIGTERM: 143,
  SIGHUP: 129,
}

const NAMES = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * The first signal aborts the work, which records what exists and ends by itself; a second one ends the process at
 * once. Nothing relies on exit handlers: the record of any moment names everything that was made.
 * `release` comes before an exit: Node's waits for what is still being read (a pipe, a share, a name server) and hears
 * nothing then, so that the system has to end it.
 */
export function watchSignals(source: SignalSource): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController()
  // As many listeners as machines are worked on: no leak that would need a warning.
  setMaxListeners(0, controller.signal)
  const release = (): void => {
    for (const name of NAMES) source.removeAllListeners(name)
  }
  for (const name of NAMES)
    source.on(name, () => {
      if (!controller.signal.aborted) return controller.abort(interruption(name))
      release()
      source.exit(EXIT[name])
    })
  return { signal: controller.signal, release }
}

function interruption(name: SignalName): MachineError {
  return new MachineError('cancelled', `Interrupted by ${name}`, { exitCode: EXIT[name] })
}
