/** A host that connections go through (`--ssh-jump`): it is the user's own, so their keys and known hosts count for it. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MachineError } from '../contracts/errors.js'
import type { HostKeyPins, JumpHost } from '../contracts/ssh.js'
import { SshError } from './errors.js'
import { keysFromKnownHosts } from './known-hosts.js'
import type { Login } from './login.js'
import { readPrivateKey } from './private-key.js'

/** Keys that ssh tries where nothing says which, in its order. */
const USUAL_KEYS = ['id_rsa', 'id_ecdsa', 'id_ed25519'] as const
const SYSTEM_KNOWN_HOSTS = '/etc/ssh/ssh_known_hosts'

/** `USER@HOST[:PORT]`, IPv6 in brackets. @throws MachineError `usage` */
export function parseJump(text: string): Pick<JumpHost, 'host' | 'port' | 'user'> {
  const [, user = '', bracketed, plain, port = '22'] =
    /^([^@\s:,]+)@(?:\[([0-9A-Fa-f:.%\w]+)\]|([A-Za-z0-9][\w.-]*))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = bracketed ?? plain ?? ''
  if (host !== '' && Number(port) >= 1 && Number(port) <= 65_535) return { user, host, port: Number(port) }
  throw new MachineError('usage', `--ssh-jump wants USER@HOST[:PORT], not "${text}"`, {
    hints: ['One host, such as admin@bastion.example.org or admin@[2001:db8::1]:2222'],
  })
}

/** As ssh's options take it. */
export function jumpWord({ user, host, port }: JumpHost): string {
  return `${user}@${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** The keys that the user's own ssh knows of it. @throws SshError `host-key` when there is none */
export async function jumpPins({ host, port, user, sshDir }: JumpHost): Promise<HostKeyPins> {
  const texts = await Promise.all([knownHostsOf(sshDir), SYSTEM_KNOWN_HOSTS].map(readOrNothing))
  const keys = texts.flatMap((text) => keysFromKnownHosts(text, host, port))
  if (keys.length > 0) return { keys }
  throw new SshError('host-key', `The host key of the jump host ${host}:${port} is not known`, {
    hints: [
      `Connect to it once with your own ssh, and compare the fingerprint: ssh ${port === 22 ? '' : `-p ${port} `}${user}@${host}`,
    ],
  })
}

/** The agent, and the first of the user's keys that needs no passphrase. @throws SshError `key-file` for neither */
export async function jumpLogin({ sshDir, agent, host }: JumpHost): Promise<Login> {
  for (const path of usualKeys(sshDir)) {
    const key = await readPrivateKey(path)
    if (!key.encrypted) return { privateKey: key.pem, ...(agent ? { agent } : {}) }
  }
  if (agent) return { agent }
  throw new SshError('key-file', `There is no SSH key to log in to the jump host ${host} with`, {
    hints: [`Start an agent and run ssh-add, or have a key without passphrase in ${sshDir}`],
  })
}

/** The user's keys that are there, for ssh's configuration too. */
export function usualKeys(sshDir: string): readonly string[] {
  return USUAL_KEYS.map((name) => join(sshDir, name)).filter((path) => existsSync(path))
}

export function knownHostsOf(sshDir: string): string {
  return join(sshDir, 'known_hosts')
}

async function readOrNothing(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '')
}
