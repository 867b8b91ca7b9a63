import { MachineError } from '../contracts/errors.js'
import type { RemoteShell } from '../contracts/ssh.js'

/** Values come on standard input, a line each. */
const READ = 'umask 077; IFS= read -r key; IFS= read -r name; file=$HOME/.ssh/authorized_keys'
const ADD = `${READ}; mkdir -p "$HOME/.ssh"; touch "$file"; grep -qxF -e "$key" "$file" || printf "\\n%s\\n" "$key" >>"$file"`
/**
 * By a copy with the same owner and mode, so that there is never less than the old or the new file. busybox's awk does not
 * tell that it found no room: what it says is written by the shell, which does.
 */
const DROP = [
  READ,
  'kept=$(awk -v key="$key" -v name="$name" "\\$0 == key || \\$NF != name" "$file") && cp -p "$file" "$file.new"',
  '[ $? = 0 ] && printf "%s\\n" "$kept" >"$file.new" && mv -f "$file.new" "$file" || { rm -f "$file.new"; exit 1; }',
].join('; ')

/** Lets a key in. */
export async function authorizeKey(shell: RemoteShell, line: string, signal: AbortSignal): Promise<void> {
  await run(shell, ADD, `${line}\n\n`, signal)
}

/** Keys that a store has made for a machine end in its name: of these only this one stays. The user's own stay too. */
export async function dropOtherKeys(
  shell: RemoteShell,
  line: string,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  await run(shell, DROP, `${line}\n${name}\n`, signal)
}

async function run(shell: RemoteShell, script: string, stdin: string, signal: AbortSignal): Promise<void> {
  const { code, stderr } = await shell.exec(`sh -c '${script}'`, { stdin, signal })
  if (code !== 0)
    throw new MachineError('ssh', 'The host does not take our key into ~/.ssh/authorized_keys', {
      ...(stderr.trim() === '' ? {} : { evidence: stderr.trim() }),
    })
}
