import type { FlagSpec } from '../../contracts/driver.js'

/** docker-machine's flags, and two of ours for the host key. */
export const flags: readonly FlagSpec[] = [
  {
    name: 'generic-ip-address',
    key: 'ipAddress',
    type: 'string',
    env: 'GENERIC_IP_ADDRESS',
    value: 'ADDRESS',
    summary: 'Address or name of the host',
    required: true,
  },
  {
    name: 'generic-ssh-user',
    key: 'sshUser',
    type: 'string',
    env: 'GENERIC_SSH_USER',
    default: 'root',
    value: 'USER',
    summary: 'User to log in as: root, or one whom sudo or doas makes root',
  },
  {
    name: 'generic-ssh-key',
    key: 'sshKey',
    type: 'string',
    env: 'GENERIC_SSH_KEY',
    value: 'FILE',
    summary: 'Private key to log in with, copied into the store (default: the SSH agent or your own keys)',
  },
  {
    name: 'generic-ssh-port',
    key: 'sshPort',
    type: 'integer',
    env: 'GENERIC_SSH_PORT',
    default: 22,
    value: 'PORT',
    summary: 'Port of the SSH server',
  },
  {
    name: 'generic-engine-port',
    key: 'enginePort',
    type: 'integer',
    env: 'GENERIC_ENGINE_PORT',
    default: 2376,
    value: 'PORT',
    summary: 'Port that the engine will listen on',
  },
  {
    name: 'generic-host-key',
    key: 'hostKey',
    type: 'string',
    env: 'GENERIC_HOST_KEY',
    value: 'KEY|FINGERPRINT|FILE',
    summary:
      "The host's SSH key: its public key line, its SHA256: fingerprint, or a file with either (default: ~/.ssh/known_hosts)",
  },
  {
    name: 'generic-trust-first-use',
    key: 'trustFirstUse',
    type: 'boolean',
    env: 'GENERIC_TRUST_FIRST_USE',
    default: false,
    summary: 'Accept and pin whatever host key is seen first',
  },
]
