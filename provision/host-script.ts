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

/**
 * The login shell may be any (fish, csh): it only ever sees this one line. The script itself comes on stdin after one
 * line with the path prefix, and runs as root where the user is root or sudo asks for nothing.
 */
const RUNNER = [
  'IFS= read -r root',
  'script=$(cat)',
  'uid=$(id -u)',
  'as=',
  'if [ "$uid" = 0 ]; then how=root',
  'elif ! command -v sudo >/dev/null 2>&1; then how=none',
  'elif refusal=$(LC_ALL=C sudo -n true 2>&1); then how=passwordless; as="sudo -n"',
  'else case $refusal in *password*) how=password;; *) how=none;; esac; fi',
  'printf "%s\\n" "$script" | $as sh -s -- "$root" "$how" "$(id -un)" "$uid" "$SSH_CONNECTION"',
].join('; ')

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
  return await shell.exec(`exec sh -c '${[RUNNER, ...words].join(' ')}'`, {
    stdin: `${options.root ?? ''}\n${hostScript(name)}`,
    deadlineMs: options.deadlineMs ?? SCRIPT_DEADLINE_MS,
    ...(options.signal ? { signal: options.signal } : {}),
  })
}
