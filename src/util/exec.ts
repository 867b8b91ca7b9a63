import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants as osConstants } from 'node:os'
import { type ErrorCode, MachineError } from '../contracts/errors.js'
import { onAbort } from './abort.js'
import { errnoOf } from './file-error.js'

export { findProgram } from './find-program.js'
export { bootId, processAlive, type ProcessIdentity, processStart } from './process.js'

type Environment = Readonly<Record<string, string | undefined>>

export interface RunOptions {
  /** Fed to the program's stdin, then closed; no stdin when absent. Secrets go this way, never in `args`. */
  readonly stdin?: string | Uint8Array
  /** The whole environment; ours when absent. */
  readonly env?: Environment
  readonly cwd?: string
  readonly signal?: AbortSignal
  /** Milliseconds after which the program is ended and `timeout` thrown. */
  readonly deadlineMs?: number
  /** Debian package named when the program is missing; known ones are in a table. */
  readonly debianPackage?: string
}

export interface RunResult {
  /** Exit status; 128 + signal number when a signal ended it, as shells count. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Where Debian has the programs that we call, for the hint when one is missing. */
const DEBIAN_PACKAGES: Readonly<Record<string, string>> = {
  docker: 'docker.io',
  'docker-compose': 'docker-compose',
  ssh: 'openssh-client',
  scp: 'openssh-client',
  rsync: 'rsync',
  sshfs: 'sshfs',
  fusermount3: 'fuse3',
  umount: 'mount',
  'ssh-keygen': 'openssh-client',
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-img': 'qemu-utils',
  passt: 'passt',
  ip: 'iproute2',
  tar: 'tar',
  zstd: 'zstd',
  xz: 'xz-utils',
}

/** How long a program may take between SIGTERM and SIGKILL, and its pipes between its end and ours. */
const GRACE_MS = 2_000
/** Bytes of both outputs together; more than any program says that is asked for its words. */
const LONGEST_OUTPUT = 64 * 1024 * 1024

/**
 * Runs a program to its end, without a shell, in a process group of its own. Non-zero exit is a result, not an error.
 * @throws MachineError `preflight` when the program is missing or says too much, `timeout` at the deadline; the signal's reason on abort
 */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  options.signal?.throwIfAborted()
  const child = start(program, args, options)
  const limits = watchLimits(child, options)
  const output = collect(child, limits.endEarly)
  feed(child, options.stdin)
  try {
    const code = await ended(child)
    const result = { code, ...output.texts() }
    if (output.isTooLong()) throw tooLongError(program)
    if (limits.expired()) throw timeoutError(program, options.deadlineMs ?? 0, result)
    options.signal?.throwIfAborted()
    return result
  } catch (error) {
    throw startError(program, options, error)
  } finally {
    limits.clear()
  }
}

/**
 * `run` for programs whose failure is an error.
 * @throws MachineError `code` with the program's last words as evidence
 */
export async function runChecked(
  code: ErrorCode,
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const result = await run(program, args, options)
  if (result.code === 0) return result
  const evidence = lastWords(result)
  throw new MachineError(
    code,
    `${program} ended with status ${result.code}${evidence ? `: ${evidence}` : ''}`,
    {
      ...(result.stderr ? { evidence: result.stderr.slice(-4_000) } : {}),
    },
  )
}

/** The error for a program that is not there, with the command that installs it. */
export function missingProgram(program: string, debianPackage = DEBIAN_PACKAGES[program]): MachineError {
  return new MachineError('preflight', `The program "${program}" is not installed or not on PATH`, {
    hints: debianPackage ? [`Install it: sudo apt-get install ${debianPackage}`] : [`Install ${program}.`],
  })
}

/** Of some failures Node tells by an event, others (a word that is too long, a folder that is a file) it throws. */
function start(program: string, args: readonly string[], options: RunOptions): ChildProcess {
  try {
    return spawn(program, args, {
      cwd: options.cwd,
      env: options.env ? { ...options.env } : process.env,
      stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
  } catch (error) {
    throw startError(program, options, error)
  }
}

interface Output {
  texts(): { stdout: string; stderr: string }
  /** Whether there was more than is kept. */
  isTooLong(): boolean
}

/** Keeps what the program says; `end` is called for one that says too much. */
function collect(child: ChildProcess, end: () => void): Output {
  const chunks: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] }
  let bytes = 0
  const keep = (list: Buffer[]) => (chunk: Buffer) => {
    const before = bytes
    bytes += chunk.length
    if (bytes <= LONGEST_OUTPUT) list.push(chunk)
    else if (before <= LONGEST_OUTPUT) end()
  }
  child.stdout?.on('data', keep(chunks.stdout))
  child.stderr?.on('data', keep(chunks.stderr))
  const textOf = (list: readonly Buffer[]): string => Buffer.concat(list).toString('utf8')
  return {
    texts: () => ({ stdout: textOf(chunks.stdout), stderr: textOf(chunks.stderr) }),
    isTooLong: () => bytes > LONGEST_OUTPUT,
  }
}

function feed(child: ChildProcess, stdin: string | Uint8Array | undefined): void {
  if (stdin === undefined || !child.stdin) return
  // A program may end without reading all of it; its exit status tells the story, not EPIPE.
  child.stdin.on('error', () => undefined)
  child.stdin.end(stdin)
}

/** Exit status once the program ended and its pipes closed; grandchildren that keep them open are not waited for. */
function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    child.once('error', reject)
    child.once('exit', () => {
      timer = setTimeout(() => {
        child.stdout?.destroy()
        child.stderr?.destroy()
      }, GRACE_MS)
    })
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      resolve(code ?? 128 + (signal ? osConstants.signals[signal] : 0))
    })
  })
}

function watchLimits(
  child: ChildProcess,
  options: RunOptions,
): { expired: () => boolean; endEarly: () => void; clear: () => void } {
  let expired = false
  let kill: NodeJS.Timeout | undefined
  const end = (): void => {
    if (kill) return
    signalGroup(child, 'SIGTERM')
    kill = setTimeout(() => signalGroup(child, 'SIGKILL'), GRACE_MS)
  }
  const deadline =
    options.deadlineMs === undefined
      ? undefined
      : setTimeout(() => {
          expired = true
          end()
        }, options.deadlineMs)
  const forget = onAbort(options.signal, end)
  return {
    expired: () => expired,
    endEarly: end,
    clear: () => {
      clearTimeout(deadline)
      clearTimeout(kill)
      // Grandchildren that ignored SIGTERM.
      if (kill) signalGroup(child, 'SIGKILL')
      forget()
    },
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    if (process.platform === 'win32') child.kill(signal)
    else process.kill(-child.pid, signal)
  } catch {
    // It is gone already.
  }
}

function timeoutError(program: string, deadlineMs: number, result: RunResult): MachineError {
  const evidence = lastWords(result)
  return new MachineError(
    'timeout',
    `${program} did not end within ${(deadlineMs / 1000).toFixed(1)} s; last seen: ${evidence || 'nothing was seen'}`,
    evidence ? { evidence } : {},
  )
}

function tooLongError(program: string): MachineError {
  return new MachineError(
    'preflight',
    `${program} says more than ${LONGEST_OUTPUT / 1024 ** 2} MiB: it was ended`,
    { hints: ['Is it the program that is meant? Run it by hand to see what it says.'] },
  )
}

function startError(program: string, options: RunOptions, error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error
  if (options.cwd !== undefined && !existsSync(options.cwd))
    return new MachineError('preflight', `Cannot run ${program} in ${options.cwd}: no such directory`, {
      cause: error,
    })
  if (errnoOf(error) === 'ENOENT') return missingProgram(program, options.debianPackage)
  return new MachineError('preflight', `Cannot run ${program}: ${error.message}`, { cause: error })
}

function lastWords(result: RunResult): string {
  return (result.stderr.trim() || result.stdout.trim()).split('\n').at(-1) ?? ''
}
