import type { JsonObject, RecordMapping } from '../../contracts/driver.js'
import { ConfigReader } from '../common/config-reader.js'

/** How a generic host looks in docker-machine's `config.json`: where it is, EnginePort and SSHKey. */
export const genericRecord: RecordMapping = {
  toFields(config) {
    const read = new ConfigReader(config)
    return {
      IPAddress: read.string('ipAddress'),
      SSHUser: read.string('sshUser'),
      SSHPort: read.integer('sshPort') ?? 0,
      EnginePort: read.integer('enginePort') ?? 0,
      SSHKey: read.string('sshKey'),
    }
  },
  /** What docker-machine does not know (host key choices) is kept; a record that it made itself may pin at first use. */
  fromFields(fields, previous) {
    const read = new ConfigReader(fields)
    return {
      config: { ...(previous?.config ?? UNKNOWN_BEFORE), ...known(read) },
      resources: previous?.resources ?? [],
    }
  },
  /** As docker-machine: a machine without a key of its own is for the user's. */
  login: () => ({ user: '', keyFile: '' }),
}

const UNKNOWN_BEFORE: JsonObject = { hostKey: '', trustFirstUse: true }

function known(read: ConfigReader): JsonObject {
  return {
    ipAddress: read.string('IPAddress'),
    sshUser: read.string('SSHUser') || 'root',
    sshPort: read.integer('SSHPort') || 22,
    sshKey: read.string('SSHKey'),
    enginePort: read.integer('EnginePort') || 2376,
  }
}
