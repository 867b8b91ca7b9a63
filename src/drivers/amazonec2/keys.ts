import type { MachineSpec } from '../../contracts/driver.js'
import type { Found, Part } from '../common/cloud/part.js'
import { sharedName, STORE_TAG } from '../common/cloud/tags.js'
import type { Ec2Account } from './account.js'
import { readConfig, shortHash } from './config.js'
import { ifThere, isRefusedWith } from './errors.js'
import { KEY_PAIR, MACHINE_KEY } from './kinds.js'
import { readTags, sharedTags, tagSpecifications } from './tags.js'

/**
 * The key pair that instances are made with: the user's own key, else the store's that nobody can log in with. The key
 * that counts comes by user data, so machines that are given the same key share one key pair.
 */
export const keyPairPart: Part<Ec2Account> = {
  kind: KEY_PAIR,
  text: 'key pair',
  shared: true,
  // EC2 reads it when an instance is made, and never again.
  isUsedBy: () => false,
  keys: (spec) => (material(spec) === '' ? [] : [keyName(spec)]),
  async find(account, { spec, key }, signal) {
    const asked = account.api.call('DescribeKeyPairs', { KeyNames: [key] }, signal)
    const pair = (await ifThere(asked, 'InvalidKeyPair.NotFound'))?.KeyPairs?.[0]
    // One of that name that is not the store's may hold any key, and is not ours to remove.
    const isOurs = readTags(pair?.Tags)[STORE_TAG] === spec.machine.storeId
    return pair && isOurs ? found(account, pair.KeyPairId) : undefined
  },
  async make(account, request, signal) {
    const { spec, key } = request
    const input = {
      KeyName: key,
      PublicKeyMaterial: Buffer.from(material(spec)),
      TagSpecifications: tagSpecifications(sharedTags(spec), 'key-pair'),
    }
    try {
      return found(account, (await account.api.call('ImportKeyPair', input, signal)).KeyPairId)
    } catch (error) {
      const there = isRefusedWith(error, 'InvalidKeyPair.Duplicate')
        ? await keyPairPart.find(account, request, signal)
        : undefined
      if (!there) throw error
      return there
    }
  },
  async remove(account, { key }, _machine, signal) {
    await deleteKeyPair(account, key, signal)
  },
}

/** docker-machine imports a key pair a machine, and removes it with it. */
export const machineKeyPart: Part<Ec2Account> = {
  kind: MACHINE_KEY,
  text: 'key pair',
  keys: () => [],
  find: () => Promise.resolve(undefined),
  make: () => Promise.reject(new Error('key pairs of docker-machine are only removed')),
  async remove(account, { key }, _machine, signal) {
    await deleteKeyPair(account, key, signal)
  },
}

async function deleteKeyPair(account: Ec2Account, name: string, signal: AbortSignal): Promise<void> {
  await ifThere(account.api.call('DeleteKeyPair', { KeyName: name }, signal), 'InvalidKeyPair.NotFound')
}

/** The name of the key pair of a machine; empty when it has none. */
export function keyNameOf(spec: MachineSpec): string {
  return readConfig(spec.config).keypairName || (material(spec) === '' ? '' : keyName(spec))
}

function keyName(spec: MachineSpec): string {
  return sharedName(spec.machine.storeId, shortHash(material(spec)))
}

function material({ config, sshPublicKey = '', placeholderKey = '' }: MachineSpec): string {
  const { keypairName, sshKeyPath } = readConfig(config)
  if (keypairName !== '') return ''
  return (sshKeyPath === '' ? placeholderKey : sshPublicKey).trim()
}

function found({ api }: Ec2Account, id = ''): Found {
  return { id, region: api.region }
}
