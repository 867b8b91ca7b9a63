import type { RemoteShell } from '../contracts/ssh.js'
import type { CreateState } from './create-state.js'

/** The connection that stage `ssh` has made. */
export function requireShell(state: CreateState): RemoteShell {
  if (state.shell) return state.shell
  throw new Error('stage ssh has not run')
}
