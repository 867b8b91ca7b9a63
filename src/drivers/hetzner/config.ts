import { resolve } from 'node:path'
import type { FlagValues, JsonObject, ParsedConfig } from '../../contracts/driver.js'
import { checkEndpoint } from '../common/api/endpoint.js'
import type { Reach } from '../common/cloud/account.js'
import { ConfigReader } from '../common/config-reader.js'
import { parseWith } from '../common/flags.js'
import { faultsOf } from './config-faults.js'
import { ENDPOINT, flags, IMAGE, SERVER_TYPE } from './flags.js'

/** Settings of one server, checked. Things of the project are named by id or name. */
export interface HetznerConfig {
  readonly serverType: string
  /** Empty: Hetzner chooses. */
  readonly location: string
  readonly image: string
  /** Empty: by `image`. */
  readonly imageId: string
  /** Empty: as the server type. */
  readonly imageArch: string
  readonly sshUser: string
  readonly sshPort: number
  /** Absolute path; empty: a key of our own making. */
  readonly existingKeyPath: string
  readonly existingKeyId: string
  /** Public key lines. */
  readonly additionalKeys: readonly string[]
  readonly userData: string
  /** Absolute path or `-`. */
  readonly userDataFile: string
  readonly volumes: readonly string[]
  readonly networks: readonly string[]
  readonly usePrivateNetwork: boolean
  readonly disablePublic4: boolean
  readonly disablePublic6: boolean
  readonly primary4: string
  readonly primary6: string
  readonly firewalls: readonly string[]
  /** `KEY=VALUE`. */
  readonly serverLabels: readonly string[]
  readonly keyLabels: readonly string[]
  readonly placementGroup: string
  readonly autoSpread: boolean
  readonly waitOnError: number
  readonly waitOnPolling: number
  readonly waitForRunningTimeout: number
  /** Without a slash at its end. */
  readonly endpoint: string
}

export const ENGINE_PORT = 2376

/** Flag values as a config; all faults at once. */
export function parse(values: FlagValues): ParsedConfig {
  return parseWith(flags, values, (read, fault) => {
    const endpoint = checkEndpoint(read.string('endpoint') || ENDPOINT)
    const config = chosen(read, 'url' in endpoint ? endpoint.url : '')
    const apiToken = read.string('apiToken').trim()
    if (apiToken === '') fault('hetzner requires --hetzner-api-token to be set')
    if ('fault' in endpoint) fault(`--hetzner-endpoint: ${endpoint.fault}`)
    for (const text of faultsOf(config, read)) fault(text)
    return { ...config, apiToken }
  })
}

/** What flags mean that stand for others. */
function chosen(read: ConfigReader, endpoint: string): HetznerConfig & JsonObject {
  const config = configOf(read, endpoint)
  const none = read.boolean('disablePublic')
  const fromFile = read.boolean('userDataFromFile')
  const file = fromFile ? config.userData : read.string('userDataFile')
  return {
    ...config,
    image: config.image || (config.imageId === '' ? IMAGE : ''),
    existingKeyPath: config.existingKeyPath === '' ? '' : resolve(config.existingKeyPath),
    existingKeyId: config.existingKeyId === '0' ? '' : config.existingKeyId,
    userData: fromFile ? '' : config.userData,
    userDataFile: file === '' || file === '-' ? file : resolve(file),
    usePrivateNetwork: config.usePrivateNetwork || none,
    disablePublic4: config.disablePublic4 || read.boolean('oldDisablePublic4') || none,
    disablePublic6: config.disablePublic6 || read.boolean('oldDisablePublic6') || none,
  }
}

function configOf(read: ConfigReader, endpoint: string): HetznerConfig & JsonObject {
  return {
    serverType: read.string('serverType') || SERVER_TYPE,
    location: read.string('location'),
    image: read.string('image'),
    imageId: read.string('imageId'),
    imageArch: read.string('imageArch'),
    sshUser: read.string('sshUser') || 'root',
    sshPort: read.integer('sshPort') ?? 22,
    existingKeyPath: read.string('existingKeyPath'),
    existingKeyId: read.string('existingKeyId'),
    additionalKeys: read.list('additionalKeys'),
    userData: read.string('userData'),
    userDataFile: read.string('userDataFile'),
    volumes: read.list('volumes'),
    networks: read.list('networks'),
    usePrivateNetwork: read.boolean('usePrivateNetwork'),
    disablePublic4: read.boolean('disablePublic4'),
    disablePublic6: read.boolean('disablePublic6'),
    primary4: read.string('primary4'),
    primary6: read.string('primary6'),
    firewalls: read.list('firewalls'),
    serverLabels: read.list('serverLabels'),
    keyLabels: read.list('keyLabels'),
    placementGroup: read.string('placementGroup'),
    autoSpread: read.boolean('autoSpread'),
    waitOnError: read.integer('waitOnError') ?? 0,
    waitOnPolling: read.integer('waitOnPolling') ?? 1,
    waitForRunningTimeout: read.integer('waitForRunningTimeout') ?? 0,
    endpoint,
  }
}

/** A recorded config. */
export function readConfig(config: JsonObject): HetznerConfig & JsonObject {
  const read = new ConfigReader(config)
  return configOf(read, read.string('endpoint') || ENDPOINT)
}

/** How its machines are reached. */
export function reachOf(config: JsonObject): Reach {
  const { sshUser, sshPort, usePrivateNetwork, disablePublic4 } = readConfig(config)
  const via = usePrivateNetwork ? 'private' : disablePublic4 ? 'public6' : 'public4'
  return { via, sshUser, sshPort, enginePort: ENGINE_PORT }
}

/** Whether firewalls hold for it: Hetzner's know public addresses only. */
export function hasPublicAddress({ disablePublic4, disablePublic6 }: HetznerConfig): boolean {
  return !disablePublic4 || !disablePublic6
}
