import type { DriverFactory } from '../../contracts/driver.js'
import { CLOUD_CAPABILITIES } from '../common/cloud/capabilities.js'
import { parse, readConfig } from './config.js'
import { flags } from './flags.js'
import { USER_DATA_LIMIT } from './limits.js'
import { hetznerRecord } from './record.js'

/** Servers at Hetzner Cloud. */
export const factory: DriverFactory = {
  name: 'hetzner',
  summary: 'Servers at Hetzner Cloud',
  capabilities: CLOUD_CAPABILITIES,
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
