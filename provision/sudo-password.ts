import { PassThrough } from 'node:stream'
import { MachineError, type ErrorDetails } from '../src/contracts/errors.js'
import type { Secret } from '../src/contracts/secrets.js'
import type { RemoteExecOptions, RemoteResult, RemoteShell } from '../src/contracts/ssh.js'

/** What sudo prints instead of a prompt of its own. */
const ASKED = '@@password'
/** What a command says on stderr once it is root: what comes before it was said by sudo. */
export const STARTED = '@@started'

/** A connection whose commands give sudo the password that it asks for. */
export function withSudoPassword(shell: RemoteShell, sudoPassword: Secret): RemoteShell {
  return {
    hostKey: shell.hostKey,
    sudoPassword,
    get roundTrips() {
      return shell.roundTrips
    },
    exec: (command, options) => shell.exec(command, options),
    close: () => shell.close(),
  }
}

/** sudo did not make us root. */
export class SudoError extends MachineError {
  /** Another password may help. */
  readonly isWrongPassword: boolean

  constructor(message: string, isWrongPassword: boolean, details: ErrorDetails = {}) {
    super('provision', message, details)
    this.isWrongPassword = isWrongPassword
  }
}

/**
 * The command line that runs `script` (no single quote in it) as root where sudo asks, to be run by `execWithPassword`.
 * The prompt is a whole line, so that it is seen at once. `words` are the script's arguments, as shell words.
 */
export function askingSudo(script: string, words: readonly string[] = []): string {
  const line = [
    `prompt=$(printf "${ASKED}\\nx")`,
    'LC_ALL=C',
    'export LC_ALL',
    ['exec sudo -S -p "${prompt%x}" sh -c "$0" sh', ...words].join(' '),
  ]
  return `exec sh -c '${line.join('; ')}' 'echo ${STARTED} >&2; ${script}'`
}

/**
 * Runs a line of `askingSudo`. sudo takes the password from stdin and leaves the rest to the command. That rest is sent
 * only when the command runs as root: before, sudo would take it for further passwords.
 * @throws SudoError
 */
export async function execWithPassword(
  shell: RemoteShell,
  password: Secret,
  command: string,
  options: RemoteExecOptions,
): Promise<RemoteResult> {
  const stdin = new PassThrough()
  let asked = 0
  let isRoot = false
  const heard = (line: string): void => {
    if (isRoot) options.onStderrLine?.(line)
    else if (line === STARTED) {
      isRoot = true
      sendRest(options.stdin, stdin)
    } else if (line === ASKED) {
      asked += 1
      if (asked === 1) stdin.write(`${password.reveal()}\n`)
      else stdin.end()
    }
  }
  const result = await shell.exec(command, { ...options, stdin, onStderrLine: heard })
  if (!isRoot) throw asked > 1 ? wrongPassword() : refused(result.stderr)
  return { ...result, stderr: result.stderr.slice(result.stderr.indexOf(STARTED) + STARTED.length + 1) }
}

function sendRest(rest: RemoteExecOptions['stdin'], stdin: PassThrough): void {
  if (rest === undefined || typeof rest === 'string' || Buffer.isBuffer(rest)) stdin.end(rest)
  else rest.on('error', (error) => stdin.destroy(error)).pipe(stdin)
}

function wrongPassword(): SudoError {
  return new SudoError('sudo on the host does not accept the password', true)
}

function refused(stderr: string): SudoError {
  const evidence = stderr.replaceAll(`${ASKED}\n`, '').trim().slice(-2000)
  return new SudoError('sudo on the host did not make us root', false, {
    hints: ['Log in as root, or let the user run everything: see sudoers(5).'],
    evidence,
  })
}
