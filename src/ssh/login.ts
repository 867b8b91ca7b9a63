import { SshError } from './errors.js'
import { readPrivateKey } from './private-key.js'

/** How to prove who we are: a key file, an SSH agent's socket (SSH_AUTH_SOCK), or both. */
export interface LoginOptions {
  readonly privateKeyPath?: string
  readonly agent?: string
}

/** What ssh2 is given. */
export interface Login {
  readonly privateKey?: string
  readonly agent?: string
}

/**
 * A key file is used alone, so that a full agent does not use up the server's attempts; an encrypted one, or none, leaves it to the agent.
 * @throws SshError `key-file` when nothing can log in
 */
export async function loadLogin(options: LoginOptions): Promise<Login> {
  const key = options.privateKeyPath ? await readPrivateKey(options.privateKeyPath) : undefined
  if (key?.encrypted === false) return { privateKey: key.pem }
  if (options.agent) return { agent: options.agent }
  if (key)
    throw new SshError('key-file', `The SSH key ${options.privateKeyPath} is protected by a passphrase`, {
      hints: [
        `Start an SSH agent and run: ssh-add ${options.privateKeyPath}`,
        'or give a key without a passphrase',
      ],
    })
  throw new SshError(
    'key-file',
    'There is no SSH key to log in with: no key file is set and no SSH agent runs',
    {
      hints: ['Give a key file, or start an agent and run ssh-add'],
    },
  )
}
