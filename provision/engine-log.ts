import type { RemoteShell } from '../src/contracts/ssh.js'
import { runHostScript } from './host-script.js'

/** The engine's last log lines, in one round trip. */
export async function engineLog(shell: RemoteShell, lines: number, signal?: AbortSignal): Promise<string> {
  const result = await runHostScript(shell, 'log.sh', [String(Math.trunc(lines))], signal ? { signal } : {})
  return result.stdout.trimEnd()
}
