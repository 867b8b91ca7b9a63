import { MachineError } from '../contracts/errors.js'
import { findProgram } from '../util/exec.js'
import type { SshHost } from './host.js'
import { writeKnownHosts } from './known-hosts.js'
import { runOnTerminal } from './on-terminal.js'
import { type OwnRequest, runOwnSession } from './own-session.js'
import { readPassedWords } from './passed-options.js'
import { sshProgramArgs } from './program.js'

export interface InteractiveOptions {
  /** What the user typed after the machine's name, verbatim. */
  readonly extra?: readonly string[]
  /** Configuration of other machines that the words name. */
  readonly configPath?: string
  /** `null` when the client of our own is wanted; found on PATH when absent. */
  readonly program?: string | null
  readonly signal?: AbortSignal
}

/**
 * A session on the user's terminal: with the system's `ssh`, else with our own client. Returns the exit status as ssh
 * gives it (255 for its own failures).
 * @throws SshError when our own client cannot connect; MachineError `usage` for ssh options that it does not have
 */
export async function runInteractive(host: SshHost, options: InteractiveOptions): Promise<number> {
  const { signal, extra = [] } = options
  const program = options.program === undefined ? findProgram('ssh') : (options.program ?? undefined)
  if (program === undefined)
    return await runOwnSession(host, { ...ownRequest(extra), ...(signal ? { signal } : {}) })
  const args = sshProgramArgs(host.endpoint, {
    ...(host.keyPath ? { keyPath: host.keyPath } : {}),
    ...(options.configPath === undefined ? {} : { configPath: options.configPath }),
    knownHostsPath: await writeKnownHosts(host.dir, host.endpoint, host.pins),
    extra,
  })
  return await runOnTerminal(program, args, signal ? { signal } : {})
}

/** Letters of ssh(1) that change nothing for our own client: compression, address family, quiet, X11 and agent off ... */
const WITHOUT_EFFECT = 'aCkqvx46T'

/** What ssh's words ask of our own client. Blanks join the command's words, as ssh does. */
function ownRequest(words: readonly string[]): OwnRequest {
  const { options, command } = readPassedWords(words)
  const letters = options.map(({ letter }) => letter)
  const unknown = letters.find((letter) => !`${WITHOUT_EFFECT}nt`.includes(letter))
  if (unknown !== undefined)
    throw new MachineError(
      'usage',
      `The ssh option "-${unknown}" needs the ssh program, and it is not used here`,
      {
        hints: [
          'Without --native-ssh and with the program installed (sudo apt-get install openssh-client) all options work',
          'or give a command only: ssh NAME -- COMMAND',
        ],
      },
    )
  return {
    ...(command.length > 0 ? { command: command.join(' ') } : {}),
    input: !letters.includes('n'),
    terminal: letters.includes('T')
      ? 'never'
      : (TERMINAL[letters.filter((letter) => letter === 't').length] ?? 'always'),
  }
}

/** How often `-t` was given. */
const TERMINAL: readonly OwnRequest['terminal'][] = ['shell', 'if-here', 'always']
