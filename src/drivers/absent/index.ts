import type { DriverFactory, JsonObject } from '../../contracts/driver.js'
import { recordedUser } from '../common/recorded/endpoint.js'
import { AbsentDriver } from './driver.js'

/** What a record of docker-machine says of a machine whose driver is not here. */
export interface AbsentRecord {
  readonly driver: string
  /** Name that its driver was looked for by: `docker-machine:none`, the path of a package. */
  readonly wanted: string
  /** We wrote it: by a driver of ours or of a package, not by a plugin. */
  readonly isOurs: boolean
  /** Its `Driver` object. */
  readonly fields: JsonObject
  /** The user's own names in its server certificate. */
  readonly sans: readonly string[]
}

/**
 * Stands in for the driver of one recorded machine. Its fields stay in `config.json` alone, unread and unchanged (they
 * may hold secrets), until a version that has the driver reads them.
 */
export function absentFactory(record: AbsentRecord): DriverFactory {
  const { driver: name } = record
  return {
    name,
    summary: 'A driver that this version does not have',
    absent: true,
    capabilities: {
      power: true,
      suspend: false,
      console: false,
      localState: true,
      opaque: true,
      hostKey: 'first-use',
      ssh: true,
      bootImage: false,
      forwards: false,
      access: false,
      inventory: false,
    },
    flags: [],
    parse: () => ({ ok: false, faults: [`this version has no driver ${name}`] }),
    // docker-machine knows of no host keys.
    login: () => ({ user: recordedUser(name, record.fields), trustFirstUse: true }),
    record: {
      unread: true,
      toFields: () => ({}),
      fromFields: (_fields, previous) => ({ config: {}, resources: previous?.resources ?? [] }),
      login: (fields) => ({ user: recordedUser(name, fields), keyFile: 'id_rsa' }),
    },
    open: () => Promise.resolve(new AbsentDriver(record)),
  }
}
