import type { JsonObject, RecordMapping } from '../../contracts/driver.js'
import type { Resource } from '../../contracts/record.js'
import { SERVER, serverOf } from '../common/cloud/part.js'
import { ConfigReader } from '../common/config-reader.js'
import { type HetznerConfig, reachOf, readConfig } from './config.js'
import { SSH_KEY } from './kinds.js'
import { givenLabels } from './labels.js'

/** How a server looks in docker-machine's `config.json`, written by the community driver. The token is not ours to write. */
export const hetznerRecord: RecordMapping = {
  secretFields: { apiToken: 'AccessToken' },
  toFields(config, resources) {
    const chosen = readConfig(config)
    const server = serverOf(resources)
    const keys = resources.filter(({ kind, id }) => kind === SSH_KEY && id !== undefined)
    const given = Number(chosen.existingKeyId)
    const own = keys.filter(isPlugins).map(({ id }) => Number(id))
    return {
      IPAddress: new ConfigReader(server?.attributes ?? {}).string(reachOf(config).via),
      SSHUser: chosen.sshUser,
      SSHPort: chosen.sshPort,
      AccessToken: '',
      ...ordered({
        ...choices(chosen),
        KeyID: given || Number(keys[0]?.id ?? 0),
        // The keys of a store's machines are shared: the community driver must not remove them.
        IsExistingKey: given > 0 || own.length === 0,
        ServerID: Number(server?.id ?? 0),
        AdditionalKeyIDs: listed(given > 0 ? own : own.slice(1)),
      }),
    }
  },
  /** The community driver changes no choice of a machine that is there; its own records tell all. */
  fromFields(fields, previous) {
    const read = new ConfigReader(fields)
    if (previous) return { config: { ...previous.config, ...login(read) }, resources: previous.resources }
    const config = { ...readConfig({ ...chosenBy(read), ...login(read) }) }
    return { config, resources: recorded(read, reachOf(config).via) }
  },
  login: () => ({ user: 'root', keyFile: 'id_rsa' }),
}

/** The community driver's fields in its order. */
const ORDER = [
  ...['Image', 'ImageID', 'ImageArch', 'Type', 'Location', 'KeyID', 'IsExistingKey', 'ServerID', 'Volumes'],
  ...['Networks', 'UsePrivateNetwork', 'DisablePublic4', 'DisablePublic6', 'PrimaryIPv4', 'PrimaryIPv6'],
  ...['Firewalls', 'ServerLabels', 'AdditionalKeys', 'AdditionalKeyIDs'],
  ...['WaitOnError', 'WaitOnPolling', 'WaitForRunningTimeout'],
]

function ordered(fields: JsonObject): JsonObject {
  return Object.fromEntries(ORDER.map((key) => [key, fields[key] ?? null]))
}

function choices(config: HetznerConfig): JsonObject {
  return {
    Image: config.image,
    ImageID: Number(config.imageId) || 0,
    ImageArch: config.imageArch,
    Type: config.serverType,
    Location: config.location,
    Volumes: listed(config.volumes),
    Networks: listed(config.networks),
    UsePrivateNetwork: config.usePrivateNetwork,
    DisablePublic4: config.disablePublic4,
    DisablePublic6: config.disablePublic6,
    PrimaryIPv4: config.primary4,
    PrimaryIPv6: config.primary6,
    Firewalls: listed(config.firewalls),
    ServerLabels: { ...givenLabels(config.serverLabels) },
    AdditionalKeys: listed(config.additionalKeys),
    WaitOnError: config.waitOnError,
    WaitOnPolling: config.waitOnPolling,
    WaitForRunningTimeout: config.waitForRunningTimeout,
  }
}

function chosenBy(read: ConfigReader): JsonObject {
  const id = read.integer('ImageID') ?? 0
  const labels = Object.entries(read.all()['ServerLabels'] ?? {})
  return {
    serverType: read.string('Type'),
    location: read.string('Location'),
    image: read.string('Image'),
    imageId: id === 0 ? '' : String(id),
    imageArch: read.string('ImageArch'),
    existingKeyId: read.boolean('IsExistingKey') ? String(read.integer('KeyID') ?? '') : '',
    additionalKeys: read.list('AdditionalKeys'),
    volumes: read.list('Volumes'),
    networks: read.list('Networks'),
    usePrivateNetwork: read.boolean('UsePrivateNetwork'),
    disablePublic4: read.boolean('DisablePublic4'),
    disablePublic6: read.boolean('DisablePublic6'),
    primary4: read.string('PrimaryIPv4'),
    primary6: read.string('PrimaryIPv6'),
    firewalls: read.list('Firewalls'),
    serverLabels: labels.flatMap(([key, value]) => (typeof value === 'string' ? [`${key}=${value}`] : [])),
    waitOnError: read.integer('WaitOnError') ?? 0,
    waitOnPolling: read.integer('WaitOnPolling') ?? 1,
    waitForRunningTimeout: read.integer('WaitForRunningTimeout') ?? 0,
  }
}

function login(read: ConfigReader): JsonObject {
  return { sshUser: read.string('SSHUser') || 'root', sshPort: read.integer('SSHPort') || 22 }
}

/** What the community driver has made: it has no tags of ours, and its keys belong to this machine alone. */
function recorded(read: ConfigReader, via: string): readonly Resource[] {
  const own = read.boolean('IsExistingKey') ? 0 : (read.integer('KeyID') ?? 0)
  const others = read.all()['AdditionalKeyIDs']
  const keys = [own, ...(Array.isArray(others) ? (others as readonly unknown[]) : [])].filter(
    (id): id is number => typeof id === 'number' && id !== 0,
  )
  const server = read.integer('ServerID') ?? 0
  const address = read.string('IPAddress')
  return [
    ...keys.map((id): Resource => made(SSH_KEY, String(id), String(id), {})),
    ...(server === 0
      ? []
      : [made(SERVER, read.string('MachineName'), String(server), address === '' ? {} : { [via]: address })]),
  ]
}

function made(kind: string, key: string, id: string, attributes: JsonObject): Resource {
  return { kind, key, id, state: 'made', attributes }
}

/** Ours are named after the store. */
function isPlugins({ key, id }: Resource): boolean {
  return key === id
}

/** As Go writes a list: nothing where it is empty. */
function listed<T extends string | number>(items: readonly T[]): T[] | null {
  return items.length === 0 ? null : [...items]
}
