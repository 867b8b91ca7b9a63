import type { DriverCapabilities, DriverFactory } from '../../contracts/driver.js'
import { parse, readConfig } from './config.js'
import { flags } from './flags.js'
import { dropletRecord } from './record.js'

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

/** DigitalOcean's API takes no more. */
const USER_DATA_LIMIT = 64 * 1024

/** Droplets at DigitalOcean. */
export const factory: DriverFactory = {
  name: 'digitalocean',
  summary: 'Droplets at DigitalOcean',
  capabilities,
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
