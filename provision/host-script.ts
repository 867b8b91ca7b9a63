import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MachineError } from '../src/contracts/errors.js'
import type { RemoteResult, RemoteShell } from '../src/contracts/ssh.js'
import { packageRoot } from '../src/util/paths.js'

/** How every part of this room reaches the host. */
export interface HostOptions {
  readonly signal?: AbortSignal
  /** Prefix of all paths on the host: only tests set it, so that a run leaves the host itself alone. */
  readonly root?: string
  readonly deadlineMs?: number
}

const SCRIPT_DEADLINE_MS = 120_000

/** Text of a script below provision/host. */
export function hostScript(name: string): string {
  return readFileSync(join(packageRoot(), 'provision', 'host', name), 'utf8')
}

/** Our scripts say this on stderr before anything else: what comes without it was said by sudo. */
const STARTED = '@@started'

/**
 * The login shell may be any (fish, csh): it only ever sees this one line. The script itself comes on stdin after one
 * line with the path prefix, and runs as root where the user is root or sudo asks for nothing. sudo is slow, so it is
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
    'if command -v sudo >/dev/null 2>&1; then said=$(LC_ALL=C; export LC_ALL; go "sudo -n" passwordless 2>&1 >&3)',
    'code=$?',
    `case $said in *${STARTED}*) printf "%s\\n" "$said" >&2; exit $code;; *password*) how=password;; esac; fi`,
    'go "" "$how"',
  ]
  return `exec sh -c '${line.join('; ')}'`
}

/** Words that go into the command line as they are: our own constants, numbers and base64, never found text. */
const PLAIN_WORD = /^[A-Za-z0-9+/=_.-]+$/

/** Runs one of our scripts on the host, in one round trip. Words must be plain; scripts get them from `$6` on. */
export async function runHostScript(
  shell: RemoteShell,
  name: string,
  words: readonly string[],
  options: HostOptions = {},
): Promise<RemoteResult> {
  for (const word of words)
    if (!PLAIN_WORD.test(word)) throw new MachineError('bug', `not a plain word for a host script: ${word}`)
  const result = await shell.exec(runner(words), {
    stdin: `${options.root ?? ''}\necho ${STARTED} >&2\n${hostScript(name)}`,
    deadlineMs: options.deadlineMs ?? SCRIPT_DEADLINE_MS,
    ...(options.signal ? { signal: options.signal } : {}),
  })
  return { ...result, stderr: result.stderr.replace(new RegExp(`^[^]*${STARTED}\n`), '') }
}
