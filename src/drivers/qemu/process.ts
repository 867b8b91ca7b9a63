import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readdirSync, readFileSync } from 'node:fs'
import { MachineError } from '../../contracts/errors.js'
import { bootId, processAlive, type ProcessIdentity, processStart } from '../../util/process.js'
import { uuidOf } from './argv.js'

/** A process, named so that a later one with the same pid is never taken for it. */
export interface VmProcess {
  readonly pid: number
  readonly startTime: string
  readonly bootId: string
}

/**
 * Starts a program in a session of its own, with nothing of ours but the log file: it outlives us. A file for it to read
 * is its descriptor 3.
 * @throws MachineError `driver` when it cannot be started
 */
export async function startDetached(
  program: string,
  args: readonly string[],
  logPath: string,
  inputPath?: string,
): Promise<VmProcess> {
  const log = openSync(logPath, APPEND, 0o600)
  const input = inputPath === undefined ? undefined : openSync(inputPath, 'r')
  try {
    const stdio = ['ignore' as const, log, log, ...(input === undefined ? [] : [input])]
    const child = privately(() => spawn(program, args, { detached: true, stdio, windowsHide: true }))
    await once(child, 'spawn')
    child.unref()
    const pid = child.pid ?? 0
    return { pid, startTime: processStart(pid) ?? '', bootId: bootId() }
  } catch (cause) {
    throw new MachineError('driver', `Cannot start ${program}`, { cause })
  } finally {
    closeSync(log)
    if (input !== undefined) closeSync(input)
  }
}

/** A link in the place of a log leads nowhere. Windows has no such flag. */
const APPEND =
  constants.O_WRONLY |
  constants.O_CREAT |
  constants.O_APPEND |
  ((constants.O_NOFOLLOW as number | undefined) ?? 0)

/** What is started makes files and sockets that are its user's alone, whatever our own umask is. */
function privately<T>(start: () => T): T {
  const old = process.umask(0o077)
  try {
    return start()
  } finally {
    process.umask(old)
  }
}

/**
 * Whether exactly this process runs and has `mark` among its arguments: a stale pid is never trusted. A process shows
 * no arguments for a moment while it becomes another program (a wrapper's `exec`); then when it started decides.
 */
export function isRunning(identity: ProcessIdentity, mark: string): boolean {
  if (identity.startTime === '' || !processAlive(identity)) return false
  const line = commandLine(identity.pid)
  return line === '' ? processStart(identity.pid) === identity.startTime : line.includes(mark)
}

/** The VM of a machine among all processes, for records that had no time to note its pid. */
export function findVm(machineId: string): VmProcess | undefined {
  return findProcess(uuidOf(machineId))
}

/** The process that has `mark` among its arguments. */
export function findProcess(mark: string): VmProcess | undefined {
  for (const pid of allPids()) {
    if (pid === process.pid || !commandLine(pid).split('\0').includes(mark)) continue
    const startTime = processStart(pid)
    if (startTime !== undefined) return { pid, startTime, bootId: bootId() }
  }
  return undefined
}

/** Sends a signal to a process that was checked just before; one that is gone is fine. */
export function signalProcess(identity: ProcessIdentity, mark: string, signal: NodeJS.Signals): void {
  if (!isRunning(identity, mark)) return
  try {
    process.kill(identity.pid, signal)
  } catch (error) {
    if (processAlive(identity))
      throw new MachineError('driver', `Cannot end process ${identity.pid}`, { cause: error })
  }
}

function allPids(): readonly number[] {
  if (process.platform === 'linux') return readdirSync('/proc').map(Number).filter(Number.isInteger)
  const { stdout } = spawnSync('ps', ['-axo', 'pid='], { encoding: 'utf8', timeout: 5_000 })
  return (stdout ?? '')
    .split('\n')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid > 0)
}

/** Arguments of a process, separated by NUL (by blanks where only `ps` tells); empty when it is gone. */
function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    const { stdout } = spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], {
      encoding: 'utf8',
      timeout: 5_000,
    })
    return (stdout ?? '').trim().replaceAll(' ', '\0')
  } catch {
    return ''
  }
}
