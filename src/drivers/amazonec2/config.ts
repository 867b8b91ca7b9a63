import { createHash } from 'node:crypto'
import type { JsonObject } from '../../contracts/driver.js'
import { accountKey as keyOf } from '../common/api/per-account.js'
import type { Reach } from '../common/cloud/account.js'
import { ConfigReader } from '../common/config-reader.js'
import { DEFAULT_REGION } from './flags.js'

/** Settings of one instance, checked. */
export interface InstanceConfig {
  readonly region: string
  /** Profile of the user's AWS files; empty with keys, or for the SDK's own search. */
  readonly profile: string
  /** Empty: AWS's own. */
  readonly endpoint: string
  /** Tries after the first; -1: as many as fit into a call's deadline. */
  readonly retries: number
  /** In the order of the user's choice; never empty. */
  readonly instanceTypes: readonly string[]
  readonly ami: string
  readonly imageName: string
  readonly imageOwner: string
  readonly sshUser: string
  readonly sshPort: number
  /** Absolute path; empty: a key of our own making. */
  readonly sshKeyPath: string
  readonly keypairName: string
  /** Absolute path or `-`. */
  readonly userData: string
  /** Keys and values in turn, as docker-machine writes them. */
  readonly tags: string
  readonly iamInstanceProfile: string
  readonly monitoring: boolean
  readonly ebsOptimized: boolean
  readonly metadataTokens: string
  readonly metadataHopLimit: number
  readonly vpcId: string
  readonly subnetId: string
  /** Whole name; empty: any. */
  readonly zone: string
  readonly securityGroups: readonly string[]
  readonly securityGroupReadonly: boolean
  readonly openPorts: readonly string[]
  readonly privateAddressOnly: boolean
  readonly usePrivateAddress: boolean
  readonly ipv6: boolean
  readonly ipv6Only: boolean
  readonly rootSize: number
  readonly volumeType: string
  readonly deviceName: string
  readonly volumeEncrypted: boolean
  readonly volumeKmsKey: string
  readonly spot: boolean
  readonly spotPrice: string
  readonly blockDurationMinutes: number
  readonly useFleet: boolean
  readonly launchTemplate: string
}

/** What is in a config besides, and never recorded. */
export interface Keys {
  readonly accessKey: string
  readonly secretKey: string
  readonly sessionToken: string
}

export const ENGINE_PORT = 2376

/** A recorded config with what it leaves out. */
export function readConfig(config: JsonObject): InstanceConfig & JsonObject {
  const read = new ConfigReader(config)
  const types = read.list('instanceTypes')
  return {
    region: read.string('region') || DEFAULT_REGION,
    profile: read.string('profile'),
    endpoint: read.string('endpoint'),
    retries: read.integer('retries') ?? -1,
    instanceTypes: types.length > 0 ? types : ['t3.micro'],
    ami: read.string('ami'),
    imageName: read.string('imageName') || 'debian-13',
    imageOwner: read.string('imageOwner'),
    sshUser: read.string('sshUser') || 'ubuntu',
    sshPort: read.integer('sshPort') || 22,
    sshKeyPath: read.string('sshKeyPath'),
    keypairName: read.string('keypairName'),
    userData: read.string('userData'),
    tags: read.string('tags'),
    iamInstanceProfile: read.string('iamInstanceProfile'),
    monitoring: read.boolean('monitoring'),
    ebsOptimized: read.boolean('ebsOptimized'),
    metadataTokens: read.string('metadataTokens') || 'required',
    metadataHopLimit: read.integer('metadataHopLimit') ?? 2,
    vpcId: read.string('vpcId'),
    subnetId: read.string('subnetId'),
    zone: read.string('zone'),
    securityGroups: read.list('securityGroups'),
    securityGroupReadonly: read.boolean('securityGroupReadonly'),
    openPorts: read.list('openPorts'),
    privateAddressOnly: read.boolean('privateAddressOnly'),
    usePrivateAddress: read.boolean('usePrivateAddress'),
    ipv6: read.boolean('ipv6'),
    ipv6Only: read.boolean('ipv6Only'),
    rootSize: read.integer('rootSize') ?? 16,
    volumeType: read.string('volumeType') || 'gp3',
    deviceName: read.string('deviceName'),
    volumeEncrypted: config['volumeEncrypted'] !== false,
    volumeKmsKey: read.string('volumeKmsKey'),
    spot: read.boolean('spot'),
    spotPrice: read.string('spotPrice'),
    blockDurationMinutes: read.integer('blockDurationMinutes') ?? 0,
    useFleet: read.boolean('useFleet'),
    launchTemplate: read.string('launchTemplate'),
  }
}

/** Keys of the flags; without them the SDK searches. A long-term key never has a session token. */
export function keysOf(config: JsonObject): Keys | undefined {
  const read = new ConfigReader(config)
  const accessKey = read.string('accessKey')
  // A variable that is set later must not take the place of the profile that the machine was made with.
  if (accessKey === '' || read.string('profile') !== '') return undefined
  const sessionToken = accessKey.startsWith('AKIA') ? '' : read.string('sessionToken')
  return { accessKey, secretKey: read.string('secretKey'), sessionToken }
}

/** Endpoint, region and credentials, without telling the credentials. */
export function accountKey(config: JsonObject): string {
  const { endpoint, region, profile } = readConfig(config)
  const keys = keysOf(config)
  const who = keys ? [keys.accessKey, keys.secretKey, keys.sessionToken] : ['profile', profile]
  return keyOf('amazonec2', `${endpoint} ${region}`, who.join('\0'))
}

export function reachOf(config: JsonObject): Reach {
  const { privateAddressOnly, usePrivateAddress, ipv6Only, sshUser, sshPort } = readConfig(config)
  const isPrivate = privateAddressOnly || usePrivateAddress
  const via = isPrivate ? 'private' : ipv6Only ? 'public6' : 'public4'
  return { via, sshUser, sshPort, enginePort: ENGINE_PORT }
}

/** A short name for something long. */
export function shortHash(...texts: readonly string[]): string {
  return createHash('sha256').update(texts.join('\0')).digest('hex').slice(0, 8)
}
