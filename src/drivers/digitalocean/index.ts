import type { DriverFactory } from '../../contracts/driver.js'
import { CLOUD_CAPABILITIES } from '../common/cloud/capabilities.js'
import { parse, readConfig } from './config.js'
import { flags } from './flags.js'
import { dropletRecord } from './record.js'

/** DigitalOcean's API takes no more. */
const USER_DATA_LIMIT = 64 * 1024

/** Droplets at DigitalOcean. */
export const factory: DriverFactory = {
  name: 'digitalocean',
  summary: 'Droplets at DigitalOcean',
  capabilities: CLOUD_CAPABILITIES,
  flags,
  parse,
  record: dropletRecord,
  seedUser: (config) => readConfig(config).sshUser,
  clientKey: (config) => readConfig(config).sshKeyPath || undefined,
  ownUserData: (config) => readConfig(config).userData || undefined,
  userDataLimit: USER_DATA_LIMIT,
  adopt: ({ config }, { resource }) => ({
    config: { ...readConfig(config), ...(resource.region === undefined ? {} : { region: resource.region }) },
    resources: [resource],
  }),
  open: async (deps) => new (await import('./driver.js')).DigitalOceanDriver(deps),
}
