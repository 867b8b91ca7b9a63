import type { JsonObject, RecordMapping } from '../../contracts/driver.js'
import type { Resource } from '../../contracts/record.js'
import { addressAttributes } from '../common/cloud/account.js'
import { SERVER, serverOf } from '../common/cloud/part.js'
import { ConfigReader } from '../common/config-reader.js'
import { basename } from 'node:path'
import { readConfig, reachOf } from './config.js'
import { SSH_KEY } from './kinds.js'

/** How a droplet looks in docker-machine's `config.json`. The token is not ours to write there. */
export const dropletRecord: RecordMapping = {
  secretFields: { accessToken: 'AccessToken' },
  toFields(config, resources): JsonObject {
    const droplet = readConfig(config)
    const server = serverOf(resources)
    const addresses = new ConfigReader(server?.attributes ?? {})
    const key = resources.find(({ kind }) => kind === SSH_KEY)
    return {
      IPAddress: addresses.string(reachOf(config).via),
      SSHUser: droplet.sshUser,
      SSHPort: droplet.sshPort,
      AccessToken: '',
      DropletID: Number(server?.id ?? 0),
      DropletName: server?.key ?? '',
      Image: droplet.image,
      Region: droplet.region,
      SSHKeyID: Number(key?.id ?? 0),
      SSHKeyFingerprint: droplet.sshKeyFingerprint,
      SSHKey: droplet.sshKeyPath,
      Size: droplet.size,
      IPv6: droplet.ipv6,
      Backups: droplet.backups,
      PrivateNetworking: droplet.privateNetworking,
      UserDataFile: droplet.userData,
      Monitoring: droplet.monitoring,
      Tags: droplet.tags.join(','),
    }
  },
  fromFields(fields, previous) {
    const read = new ConfigReader(fields)
    const config = { ...readConfig({ ...previous?.config, ...choices(read) }) }
    return { config, resources: previous?.resources ?? recorded(read) }
  },
  /** A droplet's key is a copy of the user's file under its own name, or none where only a fingerprint was given. */
  login(fields) {
    const read = new ConfigReader(fields)
    const given = read.string('SSHKey')
    const own = read.string('SSHKeyFingerprint') === '' ? 'id_rsa' : ''
    return { user: 'root', keyFile: given === '' ? own : basename(given) }
  },
}

function choices(read: ConfigReader): JsonObject {
  return {
    region: read.string('Region'),
    size: read.string('Size'),
    image: read.string('Image'),
    sshUser: read.string('SSHUser'),
    sshPort: read.integer('SSHPort') || 22,
    sshKeyFingerprint: read.string('SSHKeyFingerprint'),
    sshKeyPath: read.string('SSHKey'),
    ipv6: read.boolean('IPv6'),
    backups: read.boolean('Backups'),
    privateNetworking: read.boolean('PrivateNetworking'),
    monitoring: read.boolean('Monitoring'),
    userData: read.string('UserDataFile'),
    tags: read
      .string('Tags')
      .split(',')
      .filter((tag) => tag !== ''),
  }
}

/** What docker-machine's driver has made: no tags tell of it. Its key is this machine's alone, or the user's own. */
function recorded(read: ConfigReader): readonly Resource[] {
  const made = { state: 'made', region: read.string('Region') } as const
  const key = read.integer('SSHKeyID') ?? 0
  const id = read.integer('DropletID') ?? 0
  const owner = read.string('SSHKeyFingerprint') === '' ? 'machine' : 'user'
  const name = read.string('DropletName') || read.string('MachineName')
  const address = read.string('IPAddress')
  return [
    ...(key === 0
      ? []
      : [{ ...made, kind: SSH_KEY, key: String(key), id: String(key), attributes: { owner } }]),
    ...(id === 0
      ? []
      : [
          {
            ...made,
            kind: SERVER,
            key: name,
            id: String(id),
            attributes: addressAttributes(address === '' ? {} : { public4: address }),
          },
        ]),
  ]
}
