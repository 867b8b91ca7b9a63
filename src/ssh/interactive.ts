import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { MachineError } from '../contracts/errors.js'
import type { HostKeyPins, SshEndpoint } from '../contracts/ssh.js'
import { findProgram } from '../util/exec.js'
import { writeKnownHosts } from './known-hosts.js'
import { runOwnSession } from './own-session.js'
import { sshProgramArgs } from './program.js'

export interface InteractiveOptions {
  readonly keyPath?: string
  /** Socket of the SSH agent, for the client of our own. */
  readonly agent?: string
  readonly pins: HostKeyPins
  /** The machine directory: `known_hosts` is written there. */
  readonly dir: string
  /** What the user typed after the machine's name, verbatim. */
  readonly extra?: readonly string[]
  /** `null` when the client of our own is wanted; found on PATH when absent. */
  readonly program?: string | null
  readonly signal?: AbortSignal
}

/**
 * A session on the user's terminal: with the system's `ssh`, else with our own client. Returns the exit status as ssh
 * gives it (255 for its own failures).
 * @throws SshError when our own client cannot connect; MachineError `usage` for ssh options that it does not have
 */
export async function runInteractive(endpoint: SshEndpoint, options: InteractiveOptions): Promise<number> {
  const program = options.program === undefined ? findProgram('ssh') : (options.program ?? undefined)
  if (program === undefined)
    return await runOwnSession(endpoint, { ...options, command: ownCommand(options) })
  const knownHostsPath = await writeKnownHosts(options.dir, endpoint, options.pins)
  const args = sshProgramArgs(endpoint, {
    ...(options.keyPath ? { keyPath: options.keyPath } : {}),
    knownHostsPath,
    extra: options.extra ?? [],
  })
  return await spawnOnTerminal(program, args, options.signal)
}

/** The command in the user's words; blanks join them, as ssh does. */
function ownCommand(options: InteractiveOptions): string | undefined {
  const words = [...(options.extra ?? [])]
  if (words[0] === '--') words.shift()
  else if (words[0]?.startsWith('-'))
    throw new MachineError(
      'usage',
      `The ssh option "${words[0]}" needs the ssh program, which is not installed`,
      {
        hints: [
          'Install it: sudo apt-get install openssh-client',
          'or give a command only: ssh NAME -- COMMAND',
        ],
      },
    )
  return words.length > 0 ? words.join(' ') : undefined
}

function spawnOnTerminal(program: string, args: readonly string[], signal?: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit' })
    // Ctrl-C at the terminal goes to ssh as well, and is its to handle.
    const ignore = (): void => undefined
    const stop = (): void => void child.kill('SIGTERM')
    process.on('SIGINT', ignore)
    signal?.addEventListener('abort', stop, { once: true })
    const settle = (): void => {
      process.removeListener('SIGINT', ignore)
      signal?.removeEventListener('abort', stop)
    }
    child.once('error', (error) => {
      settle()
      reject(new MachineError('ssh', `Cannot run ${program}: ${error.message}`, { cause: error }))
    })
    child.once('exit', (code, by) => {
      settle()
      resolve(code ?? 128 + (by ? constants.signals[by] : 0))
    })
  })
}
