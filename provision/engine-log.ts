import type { RemoteShell } from '../src/contracts/ssh.js'
import { type HostTrouble, splitTrouble, TROUBLE_SCRIPT } from './host-trouble.js'
import { runHostScript } from './host-script.js'

/** The engine's last log lines, and what else is wrong with the host, in one round trip. */
export async function engineLog(
  shell: RemoteShell,
  lines: number,
  options: { readonly signal?: AbortSignal; readonly root?: string } = {},
): Promise<{ log: string; trouble: HostTrouble }> {
  const words = [String(Math.trunc(lines))]
  const { stdout } = await runHostScript(shell, ['log.sh', TROUBLE_SCRIPT], words, options)
  const { text, trouble } = splitTrouble(stdout)
  return { log: text.trimEnd(), trouble }
}
