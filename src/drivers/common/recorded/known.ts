/** What docker-machine's drivers and a community plugin keep in a record, as far as one can use it without them. */
import { isIP } from 'node:net'
import type { JsonObject } from '../../../contracts/driver.js'
import { ConfigReader } from '../config-reader.js'

export interface KnownDriver {
  /** User to log in as where the record names none. */
  readonly user?: (read: ConfigReader) => string
  /** Where its engine is, if not at `IPAddress`. */
  readonly address?: (read: ConfigReader) => string
  /** Where its sshd is, if not at the engine's address. */
  readonly sshHost?: string
  /** Key of the port that the engine is reached at, if it is not always 2376. */
  readonly enginePort?: string
  /** The engine's port is forwarded: inside the host it is 2376. */
  readonly forwarded?: true
  /** Keys that say what there is at the provider. */
  readonly remains: readonly string[]
}

const OPENSTACK = ['MachineId', 'Region', 'TenantName', 'KeyPairName', 'FloatingIpPool']
const user = (name: string) => (): string => name

const KNOWN: Readonly<Record<string, KnownDriver>> = {
  azure: {
    user: user('docker-user'),
    enginePort: 'DockerPort',
    remains: ['SubscriptionID', 'ResourceGroup', 'Location'],
  },
  exoscale: { user: exoscaleUser, remains: ['Id', 'AvailabilityZone', 'KeyPair', 'SecurityGroups'] },
  google: {
    user: user('docker-user'),
    address: (read) => (isIP(read.string('Address')) > 0 ? read.string('Address') : read.string('IPAddress')),
    remains: ['Project', 'Zone'],
  },
  hyperv: { user: user('docker'), remains: ['VSwitch'] },
  openstack: { remains: OPENSTACK },
  qemu: {
    user: user('docker'),
    address: (read) => (isUserNetwork(read) ? '127.0.0.1' : read.string('NetworkAddress')),
    enginePort: 'EnginePort',
    forwarded: true,
    remains: ['DiskPath'],
  },
  rackspace: { remains: OPENSTACK },
  softlayer: { remains: ['Id', 'SSHKeyID'] },
  virtualbox: { user: user('docker'), sshHost: '127.0.0.1', remains: [] },
  vmwarefusion: { user: user('docker'), remains: [] },
  vmwarevcloudair: {
    address: (read) => read.string('PublicIP'),
    enginePort: 'DockerPort',
    remains: ['VAppID', 'VDCID', 'PublicIP', 'EdgeGateway'],
  },
  vmwarevsphere: { user: user('docker'), remains: ['IP', 'Datacenter', 'Datastore', 'Folder', 'Pool'] },
}

/** Names under which plugins that we do not know keep the same. */
const USUAL_REMAINS = /(Id|ID|UUID|Uuid|Region|Zone|Location|Datacenter)$/

/** What is known of a driver's records; of a plugin's that they begin like all others. */
export function knownDriver(name: string, fields: JsonObject): KnownDriver {
  const known = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined
  return known ?? { remains: Object.keys(fields).filter((key) => USUAL_REMAINS.test(key)) }
}

const EXOSCALE_USERS = ['ubuntu', 'centos', 'debian', 'core', 'fedora']

function exoscaleUser(read: ConfigReader): string {
  const image = read.string('Image').toLowerCase()
  const found = EXOSCALE_USERS.find((name) => image.includes(name))
  return found ?? (image.includes('redhat') ? 'cloud-user' : 'root')
}

function isUserNetwork(read: ConfigReader): boolean {
  return ['', 'user'].includes(read.string('Network'))
}
