import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MachineError } from '../src/contracts/errors.js'
import type { RemoteExecOptions, RemoteResult, RemoteShell } from '../src/contracts/ssh.js'
import { packageRoot } from '../src/util/paths.js'
import { askingSudo, execWithPassword, STARTED } from './sudo-password.js'

/** How every part of this room reaches the host. */
export interface HostOptions {
  readonly signal?: AbortSignal
  /** Prefix of all paths on the host: only tests set it, so that a run leaves the host itself alone. */
  readonly root?: string
  readonly deadlineMs?: number
  /** Called with each line while the script runs. */
  readonly onStdoutLine?: (line: string) => void
}

const SCRIPT_DEADLINE_MS = 120_000

/** Text of a script below provision/host. */
export function hostScript(name: string): string {
  return readFileSync(join(packageRoot(), 'provision', 'host', name), 'utf8')
}

/**
 * The login shell may be any (fish, csh): it only ever sees this one line. The script itself comes on stdin after one
 * line with the path prefix, and runs as root where the user is root or sudo or doas asks for nothing. sudo is slow, so it is
 * not asked first: a script that it did not start runs without it and is told why.
 */
function runner(words: readonly string[]): string {
  const line = [
    'IFS= read -r root',
    'script=$(cat)',
    'uid=$(id -u)',
    'user=$(id -un)',
    `go() { printf "%s\\n" "$script" | $1 sh -s -- ${['"$root" "$2" "$user" "$uid" "$SSH_CONNECTION"', ...words].join(' ')}; }`,
    'if [ "$uid" = 0 ]; then go "" root; exit; fi',
    'how=none',
    'exec 3>&1',
    'try() { command -v "$1" >/dev/null 2>&1 || return; said=$(LC_ALL=C; export LC_ALL; go "$1 -n" "$2" 2>&1 >&3)',
    'code=$?',
    `case $1:$said in *${STARTED}*) printf "%s\\n" "$said" >&2; exit $code;; sudo:*password*) how=password;; esac; }`,
    'try sudo passwordless',
    'try doas doas',
    'go "" "$how"',
  ]
  return `exec sh -c '${line.join('; ')}'`
}

/** The same where sudo asks and we know the answer. */
function askingRunner(words: readonly string[]): string {
  const script = 'IFS= read -r root; exec sh -s -- "$root" given "$@"'
  return askingSudo(script, ['"$(id -un)"', '"$(id -u)"', '"$SSH_CONNECTION"', ...words])
}

/** Words that go into the command line as they are: our own constants, numbers and base64, never found text. */
const PLAIN_WORD = /^[A-Za-z0-9+/=_.-]+$/

/**
 * Runs one of our scripts on the host (or some, one after the other), in one round trip. Words must be plain; scripts
 * get them from `$6` on.
 */
export async function runHostScript(
  shell: RemoteShell,
  name: string | readonly string[],
  words: readonly string[],
  options: HostOptions = {},
): Promise<RemoteResult> {
  const names = typeof name === 'string' ? [name] : name
  for (const word of words)
    if (!PLAIN_WORD.test(word)) throw new MachineError('bug', `not a plain word for a host script: ${word}`)
  const exec: RemoteExecOptions = {
    stdin: `${options.root ?? ''}\necho ${STARTED} >&2\n${names.map(hostScript).join('')}`,
    deadlineMs: options.deadlineMs ?? SCRIPT_DEADLINE_MS,
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.onStdoutLine ? { onStdoutLine: options.onStdoutLine } : {}),
  }
  const result = shell.sudoPassword
    ? await execWithPassword(shell, shell.sudoPassword, askingRunner(words), exec)
    : await shell.exec(runner(words), exec)
  return { ...result, stderr: result.stderr.replace(new RegExp(`^[^]*${STARTED}\n`), '') }
}
