import { type Stats, statSync } from 'node:fs'
import { MachineError } from '../contracts/errors.js'

/** What others than this user may do to a file or directory: own it, write to it, read it. The worst counts. */
export interface Exposure {
  readonly to: 'owner' | 'writers' | 'readers'
  /** The user whose it is. */
  readonly uid: number
}

const WRITE = 0o022
const ANY = 0o077

/** Undefined where it is this user's alone, where it does not exist, and where the system has no such modes (Windows). */
export function exposureOf(path: string): Exposure | undefined {
  const me = process.getuid?.()
  const found = me === undefined ? undefined : statusOf(path)
  return found && me !== undefined ? exposureTo(found, me) : undefined
}

function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    // Not there, or we may not look: then it cannot be used either.
    return undefined
  }
}

function exposureTo({ uid, mode }: Stats, me: number): Exposure | undefined {
  if (uid !== me) return { to: 'owner', uid }
  if ((mode & WRITE) !== 0) return { to: 'writers', uid }
  return (mode & ANY) === 0 ? undefined : { to: 'readers', uid }
}

/**
 * Whether somebody may change what lies there whom this user need not trust. Root may anyway; so may, where we are root by
 * sudo, the user who called it.
 */
export function isOpenToStrangers(
  path: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  const exposure = exposureOf(path)
  if (exposure === undefined || exposure.to === 'readers') return false
  if (exposure.to === 'writers') return true
  const caller = process.getuid?.() === 0 ? Number(env['SUDO_UID'] ?? Number.NaN) : Number.NaN
  return ![0, caller].includes(exposure.uid) || ((statusOf(path)?.mode ?? 0) & WRITE) !== 0
}

/**
 * What lies in the cache becomes root on machines: what a stranger may have put there is not used.
 * @throws MachineError `store`
 */
export function refuseStrangers(dir: string): void {
  if (!isOpenToStrangers(dir)) return
  throw new MachineError('store', `${dir} belongs to somebody else, or others may write to it`, {
    hints: [
      `If it is yours: sudo chown -R "$(id -u)" '${dir}' && chmod -R go-w '${dir}'`,
      'Else set XDG_CACHE_HOME to a directory of your own.',
    ],
  })
}
