import type { RemoteShell } from '../contracts/ssh.js'
import { openShell } from './connect.js'
import type { CreateState } from './create-state.js'

/** Shorter than the stages that wait for it: its last observation is the better text. */
const LOGIN_MS = 60_000

/** Stage `ssh`: the first authenticated connection, with a host key that is known before it. */
export async function logIn(state: CreateState, signal: AbortSignal): Promise<void> {
  if (state.shell) return
  state.shell = await openShell(state.ctx, state.open, { deadlineMs: LOGIN_MS * state.patience, signal })
  if (!state.open.ledger.hostKeys) await state.refresh()
}

/** Stage `ssh` again after the host has taken another key. */
export async function reconnect(state: CreateState, signal: AbortSignal): Promise<RemoteShell> {
  state.shell?.close()
  state.shell = undefined
  state.shell = await openShell(state.ctx, state.open, { deadlineMs: LOGIN_MS * state.patience, signal })
  return state.shell
}
