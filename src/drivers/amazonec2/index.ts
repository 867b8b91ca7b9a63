import type { DriverCapabilities, DriverFactory } from '../../contracts/driver.js'
import { readConfig } from './config.js'
import { flags } from './flags.js'
import { parse } from './parse.js'
import { instanceRecord } from './record.js'

const capabilities: DriverCapabilities = {
  power: true,
  suspend: false,
  console: true,
  localState: false,
  opaque: false,
  hostKey: 'given',
  ssh: true,
  bootImage: false,
  forwards: false,
  access: true,
  inventory: true,
}

/** Instances of Amazon EC2. */
export const factory: DriverFactory = {
  name: 'amazonec2',
  summary: 'Amazon EC2 instances, on-demand or Spot',
  capabilities,
  flags,
  parse,
  record: instanceRecord,
  seedUser: (config) => readConfig(config).sshUser,
  ownUserData: (config) => readConfig(config).userData || undefined,
  clientKey: (config) => readConfig(config).sshKeyPath || undefined,
  // cloud-init takes it from the metadata service, which has no more than this.
  userDataLimit: 16_384,
  adopt: ({ config }, { resource }) => ({
    config: { ...config, ...readConfig(config), region: resource.region ?? readConfig(config).region },
    resources: [resource],
  }),
  open: async (deps) => new (await import('./driver.js')).Ec2Driver(deps),
}
