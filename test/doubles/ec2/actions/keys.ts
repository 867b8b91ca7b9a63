import { createHash } from 'node:crypto'
import type {
  DeleteKeyPairRequest,
  DeleteKeyPairResult,
  DescribeKeyPairsRequest,
  DescribeKeyPairsResult,
  ImportKeyPairRequest,
  ImportKeyPairResult,
  KeyPairInfo,
} from '@aws-sdk/client-ec2'
import { badValue, refuse } from '../errors.js'
import { filtered } from '../filters.js'
import type { Action } from '../state.js'
import { tagsFor } from './tagged.js'
import { keyNamed } from './find.js'

const TYPES: Readonly<Record<string, 'rsa' | 'ed25519'>> = { 'ssh-rsa': 'rsa', 'ssh-ed25519': 'ed25519' }
const MOST = 5_000

export const importKeyPair: Action<ImportKeyPairRequest, ImportKeyPairResult> = ({
  input,
  region,
  account,
}) => {
  const name = input.KeyName ?? ''
  if (name === '' || name.length > 255) badValue('KeyName', name)
  if (keyNamed(region, name)) refuse('InvalidKeyPair.Duplicate', `The keypair already exists: '${name}'`)
  if (region.keys.size >= MOST)
    refuse('ResourceLimitExceeded', 'You have reached the maximum number of key pairs')
  const tags = tagsFor(input.TagSpecifications, 'key-pair')
  const { type, fingerprint, line } = readKey(Buffer.from(input.PublicKeyMaterial ?? []).toString())
  const id = account.id('key')
  const key: KeyPairInfo = {
    KeyPairId: id,
    KeyName: name,
    KeyType: type,
    KeyFingerprint: fingerprint,
    PublicKey: line,
    CreateTime: account.clock.now(),
    Tags: tags,
  }
  region.keys.set(id, key)
  return { KeyName: name, KeyPairId: id, KeyFingerprint: fingerprint, Tags: tags }
}

/** Ed25519: SHA-256 in Base64, as OpenSSH shows it, without its prefix; RSA: MD5 of the key in DER, here of its blob. */
function readKey(text: string): { type: 'rsa' | 'ed25519'; fingerprint: string; line: string } {
  const [label = '', encoded = ''] = text.trim().split(/\s+/)
  const blob = Buffer.from(encoded, 'base64')
  const type = TYPES[label]
  const length = blob.length > 4 ? blob.readUInt32BE(0) : 0
  if (!type || blob.subarray(4, 4 + length).toString() !== label)
    return refuse('InvalidKey.Format', 'Key is not in valid OpenSSH public key format')
  const fingerprint =
    type === 'ed25519'
      ? createHash('sha256').update(blob).digest('base64')
      : (createHash('md5').update(blob).digest('hex').match(/../g) ?? []).join(':')
  return { type, fingerprint, line: text.trim() }
}

export const describeKeyPairs: Action<DescribeKeyPairsRequest, DescribeKeyPairsResult> = ({
  input,
  region,
}) => {
  const all = [...region.keys.values()]
  const absent = (input.KeyNames ?? []).filter((name) => !keyNamed(region, name))
  if (absent.length > 0)
    refuse('InvalidKeyPair.NotFound', `The key pair '${absent.join(', ')}' does not exist`)
  const strange = (input.KeyPairIds ?? []).filter((id) => !region.keys.has(id))
  if (strange.length > 0)
    refuse('InvalidKeyPair.NotFound', `The key pair '${strange.join(', ')}' does not exist`)
  const named = all.filter(
    ({ KeyName = '', KeyPairId = '' }) =>
      (input.KeyNames?.includes(KeyName) ?? true) && (input.KeyPairIds?.includes(KeyPairId) ?? true),
  )
  const found = filtered(named, input.Filters, {
    'key-name': (key) => key.KeyName,
    'key-pair-id': (key) => key.KeyPairId,
    fingerprint: (key) => key.KeyFingerprint,
  })
  return {
    KeyPairs: found.map((key) => ({ ...key, PublicKey: input.IncludePublicKey ? key.PublicKey : undefined })),
  }
}

/** One that is not there counts as deleted. */
export const deleteKeyPair: Action<DeleteKeyPairRequest, DeleteKeyPairResult> = ({ input, region }) => {
  if (!input.KeyName && !input.KeyPairId)
    refuse('MissingParameter', 'The request must contain the parameter KeyName or KeyPairId')
  const id = input.KeyPairId ?? keyNamed(region, input.KeyName ?? '')?.KeyPairId ?? ''
  return { Return: true, KeyPairId: region.keys.delete(id) ? id : undefined }
}
