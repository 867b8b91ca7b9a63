import { MachineError } from '../src/contracts/errors.js'
import type { RemoteShell } from '../src/contracts/ssh.js'
import { runHostScript } from './host-script.js'

const PUBLIC_LINE = /^ssh-ed25519 [A-Za-z0-9+/]+=*$/m

/**
 * The host's next key (`ssh-ed25519 AAAA...`), made there if there is none yet; its private half stays there. When the
 * key of this connection has been replaced already and only sshd does not know, the answer is the replacing key.
 * @throws MachineError `provision`
 */
export async function nextHostKey(shell: RemoteShell, signal?: AbortSignal, root = ''): Promise<string> {
  return await hostKeyStep(shell, 'next', signal, root)
}

/**
 * Puts the next key in the live key's place and has sshd use it; running sessions go on. Harmless to repeat.
 * @returns the live key's public line
 * @throws MachineError `provision`
 */
export async function installHostKey(shell: RemoteShell, signal?: AbortSignal, root = ''): Promise<string> {
  return await hostKeyStep(shell, 'install', signal, root)
}

async function hostKeyStep(
  shell: RemoteShell,
  action: 'next' | 'install',
  signal: AbortSignal | undefined,
  root: string,
): Promise<string> {
  const words = [action, ...shell.hostKey.split(' ').slice(0, 2)]
  const result = await runHostScript(shell, 'hostkey.sh', words, { root, ...(signal ? { signal } : {}) })
  const line = PUBLIC_LINE.exec(result.stdout)?.[0]
  if (result.code === 0 && line !== undefined) return line
  throw new MachineError('provision', `The host could not ${TEXT[action]}`, {
    evidence: `${result.stdout}\n${result.stderr}`.trim().slice(-2000),
    hints: ['The old host key stays pinned and valid; run the command again.'],
  })
}

const TEXT = { next: 'make its next host key', install: 'install its next host key' } as const
