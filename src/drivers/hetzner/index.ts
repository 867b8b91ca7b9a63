import type { DriverCapabilities, DriverFactory } from '../../contracts/driver.js'
import { parse, readConfig } from './config.js'
import { flags } from './flags.js'
import { USER_DATA_LIMIT } from './limits.js'
import { hetznerRecord } from './record.js'

const capabilities: DriverCapabilities = {
  power: true,
  suspend: false,
  console: false,
  localState: false,
  opaque: false,
  hostKey: 'given',
  ssh: true,
  bootImage: false,
  forwards: false,
  access: true,
  inventory: true,
}

/** Servers at Hetzner Cloud. */
export const factory: DriverFactory = {
  name: 'hetzner',
  summary: 'Servers at Hetzner Cloud',
  capabilities,
  flags,
  parse,
  record: hetznerRecord,
  seedUser: (config) => readConfig(config).sshUser,
  clientKey: (config) => readConfig(config).existingKeyPath || undefined,
  ownUserData(config) {
    const { userData, userDataFile } = readConfig(config)
    return userData === '' ? userDataFile || undefined : { text: userData }
  },
  userDataLimit: USER_DATA_LIMIT,
  adopt: ({ config }, { resource }) => ({
    config: { ...config, ...(resource.region === undefined ? {} : { location: resource.region }) },
    resources: [resource],
  }),
  open: async (deps) => new (await import('./driver.js')).HetznerDriver(deps),
}
