import { connect } from 'node:net'
import type { Clock } from '../../contracts/clock.js'
import type { MachineState } from '../../contracts/state.js'
import { onAbort } from '../../util/abort.js'
import { Crowd } from '../../util/crowd.js'
import { SharedDeadline } from '../../util/wait.js'

/** For one host as for a thousand: those that answer nothing are asked side by side. */
const CONNECT_MS = 5_000
const AT_ONCE = 64

/** Outcome of one TCP connect; `error` only where it is not the plain "nobody answers". */
export interface Reached {
  readonly state: MachineState
  readonly error?: string
}

export interface Port {
  readonly host: string
  readonly port: number
}

const NOBODY: Reached = { state: 'Stopped' }

/** Connects to all ports within one deadline, few at once. @throws the signal's reason when it is aborted */
export async function reachAll(
  ports: readonly Port[],
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  reach: typeof connects = connects,
): Promise<readonly Reached[]> {
  signal.throwIfAborted()
  const deadline = new SharedDeadline(CONNECT_MS, { clock, signal })
  const crowd = new Crowd({ atOnce: AT_ONCE, clock, totalMs: CONNECT_MS, signal: deadline.signal })
  const ask = async (port: Port): Promise<Reached> => {
    try {
      return await crowd.ask((stop) => reach(port, stop))
    } catch (error) {
      signal.throwIfAborted()
      if (deadline.signal.aborted) return NOBODY
      throw error
    }
  }
  try {
    return await Promise.all(ports.map(ask))
  } finally {
    deadline.end()
  }
}

/** Connects to a port and hangs up at once. @throws the signal's reason when it is aborted */
export async function connects({ host, port }: Port, signal: AbortSignal): Promise<Reached> {
  signal.throwIfAborted()
  const socket = connect({ host, port })
  try {
    return await new Promise((resolve, reject) => {
      socket.once('connect', () => resolve({ state: 'Running' }))
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(stopped(error)))
      onAbort(signal, () => reject(signal.reason as Error))
    })
  } finally {
    socket.destroy()
  }
}

function stopped(error: NodeJS.ErrnoException): Reached {
  const unknownName = error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN'
  return unknownName ? { state: 'Stopped', error: error.message } : NOBODY
}
