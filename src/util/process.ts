import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { errnoOf } from './file-error.js'

/** A process that a pid alone does not name: pids are used again, also after a reboot. */
export interface ProcessIdentity {
  readonly pid: number
  /** From `processStart`; when absent any process with this pid counts. */
  readonly startTime?: string | undefined
  /** From `bootId`; when absent the current boot is assumed. */
  readonly bootId?: string | undefined
}

/** This computer, as far as lock files tell it from others. */
export interface HostIdentity {
  readonly host: string
  /** `/etc/machine-id`, so that two computers with one host name differ. */
  readonly hostId: string
  /** The pid namespace: pids of another container say nothing here. */
  readonly pidSpace: string
}

/** Whether this is that computer. One that was renamed stays the same; one without an id has only its name. */
export function isThisComputer(other: Pick<HostIdentity, 'host' | 'hostId'>): boolean {
  const here = hostIdentity()
  const known = other.hostId !== '' && here.hostId !== ''
  return known ? other.hostId === here.hostId : other.host === here.host
}

let cachedBootId: string | undefined

/** Names the current boot of this computer; empty where the system has no such name. */
export function bootId(): string {
  cachedBootId ??= readBootId()
  return cachedBootId
}

function readBootId(): string {
  if (process.platform === 'linux') return readText('/proc/sys/kernel/random/boot_id')
  if (process.platform === 'darwin') return output('sysctl', ['-n', 'kern.bootsessionuuid'])
  return ''
}

/** This computer's identity, read once per call (a few microseconds). */
export function hostIdentity(): HostIdentity {
  return {
    host: hostname(),
    hostId: process.platform === 'linux' ? readText('/etc/machine-id') : '',
    pidSpace: process.platform === 'linux' ? readLink('/proc/self/ns/pid') : '',
  }
}

/**
 * When a process started, as an opaque text to compare (Linux: clock ticks since boot). Undefined when there is no
 * such process, when it is a zombie, or when it may not be looked at.
 */
export function processStart(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  if (process.platform === 'linux') return startFromProc(pid)
  if (process.platform === 'darwin') return output('ps', ['-o', 'lstart=', '-p', String(pid)]) || undefined
  return undefined
}

function startFromProc(pid: number): string | undefined {
  const stat = procStat(pid)
  return stat && !hasEnded(stat) ? stat.start : undefined
}

interface ProcStat {
  readonly state: string
  readonly threads: number
  readonly start: string
}

/** `/proc/PID/stat` (proc(5)): fields after the program's name, which may itself hold spaces and parentheses. */
function procStat(pid: number): ProcStat | undefined {
  const stat = readText(`/proc/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, threads, start] = [fields[0], fields[17], fields[19]]
  return state && start ? { state, threads: Number(threads), start } : undefined
}

/** A killed process shows its first thread as a zombie while the others still hold its ports and locks: it ends with them. */
const hasEnded = ({ state, threads }: ProcStat): boolean => 'ZX'.includes(state) && threads <= 1

/**
 * Whether exactly this process still runs. In doubt (processes of others hidden by `hidepid`) the answer is yes.
 */
export function processAlive(identity: ProcessIdentity): boolean {
  if (identity.bootId && identity.bootId !== bootId()) return false
  const start = processStart(identity.pid)
  if (start !== undefined) return identity.startTime === undefined || identity.startTime === start
  return !isZombie(identity.pid) && signalReaches(identity.pid)
}

function isZombie(pid: number): boolean {
  const stat = process.platform === 'linux' ? procStat(pid) : undefined
  return stat !== undefined && hasEnded(stat)
}

function signalReaches(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) !== 'ESRCH'
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function output(program: string, args: readonly string[]): string {
  const result = spawnSync(program, args, { encoding: 'utf8', timeout: 5_000 })
  return result.status === 0 ? result.stdout.trim() : ''
}

/** Sends a signal to exactly this process. Returns false when it is gone already. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!processAlive(identity)) return false
  try {
    process.kill(identity.pid, signal)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false
    throw error
  }
}

/** Processes one of whose arguments names something in this directory; none where there is no /proc to see them in. */
export function processesIn(dir: string): readonly { readonly pid: number; readonly program: string }[] {
  const pids = process.platform === 'linux' ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : []
  return pids.flatMap((pid) => {
    const [program = '', ...args] = readText(`/proc/${pid}/cmdline`).split('\0')
    return args.some((arg) => arg.includes(`${dir}/`)) ? [{ pid: Number(pid), program }] : []
  })
}
