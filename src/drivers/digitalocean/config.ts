import { isIPv4 } from 'node:net'
import { resolve } from 'node:path'
import type { FlagValues, JsonObject, ParsedConfig } from '../../contracts/driver.js'
import { checkEndpoint } from '../common/api/endpoint.js'
import type { Reach } from '../common/cloud/account.js'
import { ConfigReader } from '../common/config-reader.js'
import { portFault } from '../common/flag-types.js'
import { parseWith } from '../common/flags.js'
import { API_URL, flags } from './flags.js'

/** Settings of one droplet, checked. */
export interface DropletConfig {
  readonly region: string
  readonly size: string
  readonly image: string
  readonly sshUser: string
  readonly sshPort: number
  readonly sshKeyFingerprint: string
  /** Absolute path; empty: a key of our own making. */
  readonly sshKeyPath: string
  readonly ipv6: boolean
  readonly useIpv6: boolean
  readonly usePrivateAddress: boolean
  readonly privateNetworking: boolean
  readonly vpc: string
  readonly project: string
  /** Names or ids. */
  readonly volumes: readonly string[]
  readonly reservedIp: string
  readonly backups: boolean
  readonly monitoring: boolean
  readonly tags: readonly string[]
  /** Absolute path or `-`. */
  readonly userData: string
  /** Without `/v2` and without a slash at its end. */
  readonly apiUrl: string
}

export const ENGINE_PORT = 2376

/** Flag values as a config; all faults at once. */
export function parse(values: FlagValues): ParsedConfig {
  return parseWith(flags, values, (read, fault) => {
    const endpoint = checkEndpoint(read.string('apiUrl') || API_URL)
    const config = configOf(read, 'url' in endpoint ? endpoint.url.replace(/\/v2$/, '') : '')
    const accessToken = read.string('accessToken').trim()
    if (accessToken === '') fault('digitalocean driver requires the --digitalocean-access-token option')
    if ('fault' in endpoint) fault(`--digitalocean-api-url: ${endpoint.fault}`)
    for (const text of faultsOf(config)) fault(text)
    return { ...config, accessToken }
  })
}

function configOf(read: ConfigReader, apiUrl: string): DropletConfig & JsonObject {
  const path = (key: string): string => (read.string(key) === '' ? '' : resolve(read.string(key)))
  return {
    region: read.string('region'),
    size: read.string('size'),
    image: read.string('image'),
    sshUser: read.string('sshUser') || 'root',
    sshPort: read.integer('sshPort') ?? 22,
    sshKeyFingerprint: read.string('sshKeyFingerprint'),
    sshKeyPath: path('sshKeyPath'),
    ipv6: read.boolean('ipv6') || read.boolean('useIpv6'),
    useIpv6: read.boolean('useIpv6'),
    usePrivateAddress: read.boolean('usePrivateAddress'),
    privateNetworking: read.boolean('privateNetworking'),
    vpc: read.string('vpc'),
    project: read.string('project'),
    volumes: commaList(read.string('volumes')),
    reservedIp: read.string('reservedIp'),
    backups: read.boolean('backups'),
    monitoring: read.boolean('monitoring'),
    tags: commaList(read.string('tags')),
    userData: read.string('userData') === '-' ? '-' : path('userData'),
    apiUrl,
  }
}

function commaList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

function faultsOf(config: DropletConfig): readonly string[] {
  const { sshPort, sshKeyPath, sshKeyFingerprint, useIpv6, usePrivateAddress, reservedIp, tags } = config
  const badTags = tags.filter((tag) => !TAG.test(tag))
  return [
    portFault('digitalocean-ssh-port', sshPort),
    sshKeyPath !== '' && sshKeyFingerprint === ''
      ? `ssh-key-fingerprint needs to be provided for ${JSON.stringify(sshKeyPath)}`
      : undefined,
    useIpv6 && usePrivateAddress
      ? '--digitalocean-use-ipv6 and --digitalocean-use-private-address exclude each other'
      : undefined,
    reservedIp !== '' && reservedIp !== 'new' && !isIPv4(reservedIp)
      ? `--digitalocean-reserved-ip wants an IPv4 address or "new", not ${JSON.stringify(reservedIp)}`
      : undefined,
    reservedIp !== '' && (useIpv6 || usePrivateAddress)
      ? '--digitalocean-reserved-ip is a public IPv4 address: it goes with neither IPv6 nor a private one'
      : undefined,
    badTags.length > 0
      ? `--digitalocean-tags: ${badTags.map((tag) => JSON.stringify(tag)).join(', ')} may hold only letters, digits, ":", "-" and "_"`
      : undefined,
  ].filter((fault) => fault !== undefined)
}

/** Source: DigitalOcean's API reference, tags. */
const TAG = /^[A-Za-z0-9:_-]{1,255}$/

/** A recorded config. */
export function readConfig(config: JsonObject): DropletConfig {
  const read = new ConfigReader(config)
  const lists = { volumes: read.list('volumes'), tags: read.list('tags') }
  const userData = read.string('userData')
  return { ...configOf(read, read.string('apiUrl') || API_URL), ...lists, userData }
}

/** How its machines are reached. */
export function reachOf(config: JsonObject): Reach {
  const { sshUser, sshPort, useIpv6, usePrivateAddress } = readConfig(config)
  const via = usePrivateAddress ? 'private' : useIpv6 ? 'public6' : 'public4'
  return { via, sshUser, sshPort, enginePort: ENGINE_PORT }
}
