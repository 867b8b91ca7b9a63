import type { Profile } from '../contracts/profile.js'
import { ExitStatus } from './failure.js'

/**
 * Ends a command as the program that it ran ended: with its status, or as docker-machine does, which always says which
 * and ends with 1.
 */
export function endWith(status: number, profile: Profile): void {
  if (status === 0) return
  if (profile.remoteExitStatus) throw new ExitStatus(status)
  process.stderr.write(`exit status ${status}\n`)
  throw new ExitStatus(1)
}
