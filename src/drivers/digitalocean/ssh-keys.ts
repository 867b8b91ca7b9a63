import { createHash } from 'node:crypto'
import { isApiError } from '../common/api/errors.js'
import type { Found, Part } from '../common/cloud/part.js'
import { sharedName } from '../common/cloud/tags.js'
import type { DigitalOceanAccount } from './account.js'
import type { SshKey } from './api-types.js'
import { readConfig } from './config.js'
import { SSH_KEY } from './kinds.js'

/**
 * The key that droplets are made with, so that DigitalOcean mails no root password. One for all machines of a store; the
 * key that counts comes by user data.
 */
export const sshKeyPart: Part<DigitalOceanAccount> = {
  kind: SSH_KEY,
  text: 'SSH key',
  shared: true,
  // docker-machine's keys are each one machine's own.
  isUsedBy: (_server, { attributes }) => attributes?.['owner'] !== 'machine',
  keys: ({ config, machine }) =>
    readConfig(config).sshKeyFingerprint === '' ? [sharedName(machine.storeId)] : [],
  async find(account, { key, spec }, signal) {
    if (spec.placeholderKey === undefined) return await findByName(account, key, signal)
    const call = {
      method: 'GET',
      path: `/account/keys/${md5Fingerprint(spec.placeholderKey)}`,
      what: 'look for the SSH key',
    } as const
    const answer = await account.ifThere(account.api.call<{ ssh_key: SshKey }>(call, signal))
    return answer && found(answer.ssh_key)
  },
  async make(account, request, signal) {
    const body = { name: request.key, public_key: request.spec.placeholderKey ?? '' }
    const call = { method: 'POST', path: '/account/keys', body, what: 'make the SSH key' } as const
    try {
      return found((await account.api.call<{ ssh_key: SshKey }>(call, signal)).ssh_key)
    } catch (error) {
      // It is there already, perhaps under another name.
      const there =
        isApiError(error) && error.status === 422
          ? await sshKeyPart.find(account, request, signal)
          : undefined
      if (!there) throw error
      return there
    }
  },
  async remove(account, { id = '', attributes }, _machine, signal) {
    if (attributes?.['owner'] === 'user') return
    const path = `/account/keys/${encodeURIComponent(id)}`
    const call = { method: 'DELETE', path, what: 'delete the SSH key' } as const
    await account.ifThere(account.api.call(call, signal))
  },
}

/** Whoever removes it may not have the key itself. */
async function findByName(
  account: DigitalOceanAccount,
  name: string,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const asked = { path: '/account/keys', what: 'list the SSH keys' }
  const there = (await account.list<SshKey>('ssh_keys', asked, signal)).find((key) => key.name === name)
  return there && found(there)
}

function found({ id }: SshKey): Found {
  return { id: String(id) }
}

/** The fingerprint by which the API knows a key: MD5 over its blob, in pairs of hex digits. */
export function md5Fingerprint(publicLine: string): string {
  const blob = Buffer.from(publicLine.split(' ')[1] ?? '', 'base64')
  const digits = createHash('md5').update(blob).digest('hex')
  return (digits.match(/../g) ?? []).join(':')
}
