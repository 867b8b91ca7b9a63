import type { JsonObject, RecordMapping } from '../../contracts/driver.js'
import type { Resource } from '../../contracts/record.js'
import { addressAttributes } from '../common/cloud/account.js'
import { FIREWALL, SERVER, serverOf } from '../common/cloud/part.js'
import { ConfigReader } from '../common/config-reader.js'
import { readConfig, reachOf } from './config.js'
import { KEY_PAIR, MACHINE_KEY, NAMED_GROUP } from './kinds.js'

/** Set in the config of a record by docker-machine: what it wrote besides the addresses stays as it is. */
const FOREIGN = 'foreign'

/** How an instance looks in docker-machine's `config.json`. Keys are not ours to write there. */
export const instanceRecord: RecordMapping = {
  secretFields: { accessKey: 'AccessKey', secretKey: 'SecretKey', sessionToken: 'SessionToken' },
  toFields(config, resources) {
    return config[FOREIGN] === true ? addressFields(config, resources) : allFields(config, resources)
  },
  /** docker-machine changes nothing but addresses in a record that it finds. */
  fromFields(fields, previous) {
    const read = new ConfigReader(fields)
    const isNew = previous === undefined || Object.keys(previous.config).length === 0
    if (isNew)
      return { config: { ...recordedConfig(read), [FOREIGN]: true }, resources: recordedResources(read) }
    const { via } = reachOf(previous.config)
    const resources = previous.resources.map((resource) =>
      resource.kind === SERVER ? withAddresses(resource, read, via) : resource,
    )
    return { config: previous.config, resources }
  },
  login: () => ({ user: 'ubuntu', keyFile: 'id_rsa' }),
}

function addressFields(config: JsonObject, resources: readonly Resource[]): JsonObject {
  const addresses = new ConfigReader(serverOf(resources)?.attributes ?? {})
  return {
    IPAddress: addresses.string(reachOf(config).via),
    PrivateIPAddress: addresses.string('private'),
  }
}

/** In the order of docker-machine's struct. */
function allFields(config: JsonObject, resources: readonly Resource[]): JsonObject {
  const instance = readConfig(config)
  const server = serverOf(resources)
  const made = new ConfigReader(server?.attributes ?? {})
  const { IPAddress = '', PrivateIPAddress = '' } = addressFields(config, resources)
  const groups = resources.filter(({ kind }) => kind === FIREWALL || kind === NAMED_GROUP)
  return {
    IPAddress,
    SSHUser: instance.sshUser,
    SSHPort: instance.sshPort,
    Id: '',
    AccessKey: '',
    SecretKey: '',
    SessionToken: '',
    Region: instance.region,
    AMI: made.string('imageId') || instance.ami,
    SSHKeyID: 0,
    // docker-machine would delete a key pair that other machines need.
    ExistingKey: true,
    KeyName: instance.keypairName || (resources.find(({ kind }) => kind === KEY_PAIR)?.key ?? ''),
    InstanceId: server?.id ?? '',
    InstanceType: made.string('instanceType') || (instance.instanceTypes[0] ?? ''),
    PrivateIPAddress,
    SecurityGroupId: '',
    SecurityGroupIds: groups.flatMap(({ id }) => (id === undefined ? [] : [id])),
    SecurityGroupName: '',
    SecurityGroupNames: groups.map(({ key }) => key),
    SecurityGroupReadOnly: instance.securityGroupReadonly,
    OpenPorts: instance.openPorts,
    Tags: instance.tags,
    ReservationId: '',
    DeviceName: instance.deviceName,
    RootSize: instance.rootSize,
    VolumeType: instance.volumeType,
    IamInstanceProfile: instance.iamInstanceProfile,
    VpcId: made.string('vpcId') || instance.vpcId,
    SubnetId: made.string('subnetId') || instance.subnetId,
    Zone: zoneLetter(made.string('zone') || instance.zone, instance.region),
    RequestSpotInstance: instance.spot,
    SpotPrice: instance.spotPrice,
    BlockDurationMinutes: instance.blockDurationMinutes,
    PrivateIPOnly: instance.privateAddressOnly,
    UsePrivateIP: instance.usePrivateAddress,
    UseEbsOptimizedInstance: instance.ebsOptimized,
    Monitoring: instance.monitoring,
    SSHPrivateKeyPath: instance.sshKeyPath,
    RetryCount: instance.retries,
    Endpoint: instance.endpoint,
    DisableSSL: instance.endpoint.startsWith('http://'),
    UserDataFile: instance.userData,
  }
}

function zoneLetter(zone: string, region: string): string {
  return zone.startsWith(region) ? zone.slice(region.length) : zone
}

function recordedConfig(read: ConfigReader): JsonObject {
  const region = read.string('Region')
  const endpoint = read.string('Endpoint')
  const letter = read.string('Zone')
  const scheme = read.boolean('DisableSSL') ? 'http' : 'https'
  return readConfig({
    region,
    endpoint: endpoint === '' || endpoint.includes('://') ? endpoint : `${scheme}://${endpoint}`,
    retries: read.integer('RetryCount') ?? -1,
    instanceTypes: [read.string('InstanceType')],
    ami: read.string('AMI'),
    sshUser: read.string('SSHUser'),
    sshPort: read.integer('SSHPort') || 22,
    sshKeyPath: read.string('SSHPrivateKeyPath'),
    keypairName: read.boolean('ExistingKey') ? read.string('KeyName') : '',
    userData: read.string('UserDataFile'),
    tags: read.string('Tags'),
    iamInstanceProfile: read.string('IamInstanceProfile'),
    monitoring: read.boolean('Monitoring'),
    ebsOptimized: read.boolean('UseEbsOptimizedInstance'),
    metadataTokens: 'optional',
    vpcId: read.string('VpcId'),
    subnetId: read.string('SubnetId'),
    zone: letter.length === 1 ? `${region}${letter}` : letter,
    securityGroupReadonly: read.boolean('SecurityGroupReadOnly'),
    openPorts: read.list('OpenPorts'),
    privateAddressOnly: read.boolean('PrivateIPOnly'),
    usePrivateAddress: read.boolean('UsePrivateIP'),
    rootSize: read.integer('RootSize') ?? 16,
    volumeType: read.string('VolumeType'),
    deviceName: read.string('DeviceName'),
    volumeEncrypted: false,
    spot: read.boolean('RequestSpotInstance'),
    spotPrice: read.string('SpotPrice'),
  })
}

/** What docker-machine's driver has made: no tags tell of it. Its security group it leaves, and so do we. */
function recordedResources(read: ConfigReader): readonly Resource[] {
  const made = { state: 'made', region: read.string('Region') } as const
  const name = read.string('MachineName')
  const id = read.string('InstanceId')
  const key = read.string('KeyName')
  const server: Resource = { ...made, kind: SERVER, key: name, id }
  const isPrivate = read.boolean('PrivateIPOnly') || read.boolean('UsePrivateIP')
  return [
    ...(key === '' || read.boolean('ExistingKey') ? [] : [{ ...made, kind: MACHINE_KEY, key, id: key }]),
    ...(id === '' ? [] : [withAddresses(server, read, isPrivate ? 'private' : 'public4')]),
  ]
}

function withAddresses(
  server: Resource,
  read: ConfigReader,
  via: 'public4' | 'public6' | 'private',
): Resource {
  const address = read.string('IPAddress')
  const own = read.string('PrivateIPAddress')
  const addresses = addressAttributes({
    ...(own === '' ? {} : { private: own }),
    ...(address === '' ? {} : { [via]: address }),
  })
  return { ...server, attributes: { ...server.attributes, ...addresses } }
}
