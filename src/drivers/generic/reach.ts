import { connect, type Socket } from 'node:net'
import type { MachineState } from '../../contracts/state.js'

const CONNECT_MS = 5_000

/** Outcome of one TCP connect; `error` only where it is not the plain "nobody answers". */
export interface Reached {
  readonly state: MachineState
  readonly error?: string
}

/** Connects to a port and hangs up at once. @throws the signal's reason when it is aborted */
export async function connects(
  host: string,
  port: number,
  signal: AbortSignal,
  deadlineMs = CONNECT_MS,
): Promise<Reached> {
  signal.throwIfAborted()
  const socket = connect({ host, port })
  const reached = await outcome(socket, AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]))
  socket.destroy()
  signal.throwIfAborted()
  return reached
}

function outcome(socket: Socket, limit: AbortSignal): Promise<Reached> {
  return new Promise((resolve) => {
    socket.once('connect', () => resolve({ state: 'Running' }))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(stopped(error)))
    limit.addEventListener('abort', () => resolve({ state: 'Stopped' }), { once: true })
  })
}

function stopped(error: NodeJS.ErrnoException): Reached {
  const unknownName = error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN'
  return unknownName ? { state: 'Stopped', error: error.message } : { state: 'Stopped' }
}
