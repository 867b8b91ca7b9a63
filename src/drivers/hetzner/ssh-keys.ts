import type { MachineSpec } from '../../contracts/driver.js'
import { isApiError } from '../common/api/errors.js'
import type { Found, Part, PartRequest } from '../common/cloud/part.js'
import { sharedName, STORE_TAG } from '../common/cloud/tags.js'
import type { HetznerAccount } from './account.js'
import type { SshKey } from './api-types.js'
import { readConfig } from './config.js'
import { SSH_KEY } from './kinds.js'
import { givenLabels, sharedLabels, tagsOf } from './labels.js'
import { THING } from '../common/api/memory.js'
import { keyFingerprint } from './public-key.js'

const KEPT_MS = 30_000

/**
 * Keys that a new server is given. Without one Hetzner makes up a root password and mails it, so that each gets at least
 * the store's placeholder; the key that counts comes with our user data. Servers need them at their birth only.
 */
export const sshKeys: Part<HetznerAccount> = {
  kind: SSH_KEY,
  text: 'SSH key',
  shared: true,
  isUsedBy: () => false,
  keys: (spec) => [...new Set(linesOf(spec).map((line) => nameOf(spec, line)))],

  /** By its fingerprint where we know it: the project may have the same key under another name. */
  async find(account, { spec, key }, signal) {
    const line = linesOf(spec).find((each) => nameOf(spec, each) === key)
    const query = line === undefined ? { name: key } : { fingerprint: keyFingerprint(line) }
    return await account.memory.once(`${THING}${SSH_KEY} ${key}`, KEPT_MS, signal, async (asking) => {
      const [found] = await account.api.list<SshKey>('ssh_keys', query, asking)
      return found && asFound(found, spec)
    })
  },

  async make(account, request, signal) {
    account.memory.forget(`${THING}${SSH_KEY} ${request.key}`)
    try {
      return await upload(account, request, signal)
    } catch (error) {
      if (!isApiError(error) || error.providerCode !== 'uniqueness_error') throw error
      const found = await sshKeys.find(account, request, signal)
      if (found) return found
      throw error
    }
  },

  async remove(account, { id = '', key, attributes }, _machine, signal) {
    if (attributes?.['foreign'] === true) return
    account.memory.forget(`${THING}${SSH_KEY} ${key}`)
    await account.api.delete(`/ssh_keys/${encodeURIComponent(id)}`, 'delete the SSH key', signal)
  },
}

async function upload(
  account: HetznerAccount,
  { spec, key }: PartRequest,
  signal: AbortSignal,
): Promise<Found> {
  const line = linesOf(spec).find((each) => nameOf(spec, each) === key) ?? ''
  const labels = { ...givenLabels(readConfig(spec.config).keyLabels), ...sharedLabels(spec.machine.storeId) }
  const body = { name: key, public_key: line, labels }
  const answer = await account.api.post<{ ssh_key: SshKey }>('/ssh_keys', body, 'upload the SSH key', signal)
  return { id: String(answer.ssh_key.id) }
}

/** A key that others have put there is used and left. */
function asFound({ id, labels }: SshKey, { machine }: MachineSpec): Found {
  const ours = tagsOf(labels)[STORE_TAG] === machine.storeId
  return { id: String(id), ...(ours ? {} : { attributes: { foreign: true } }) }
}

/** Public key lines that have to be in the project. */
function linesOf(spec: MachineSpec): readonly string[] {
  const { existingKeyId, existingKeyPath, additionalKeys } = readConfig(spec.config)
  const main = existingKeyPath === '' ? spec.placeholderKey : spec.sshPublicKey
  const wanted = existingKeyId === '' && main !== undefined ? [main, ...additionalKeys] : additionalKeys
  return wanted.filter((line) => keyFingerprint(line) !== undefined)
}

function nameOf({ machine }: MachineSpec, line: string): string {
  return sharedName(machine.storeId, keyFingerprint(line)?.replaceAll(':', '').slice(0, 8))
}
