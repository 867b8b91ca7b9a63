import type { DriverFactory } from '../../contracts/driver.js'
import { namesCredentials } from '../../util/aws-environment.js'
import { CLOUD_CAPABILITIES } from '../common/cloud/capabilities.js'
import { readConfig } from './config.js'
import { flags } from './flags.js'
import { parse } from './parse.js'
import { instanceRecord } from './record.js'

/** Instances of Amazon EC2. */
export const factory: DriverFactory = {
  name: 'amazonec2',
  summary: 'Amazon EC2 instances, on-demand or Spot',
  capabilities: { ...CLOUD_CAPABILITIES, console: true },
  flags,
  parse,
  record: instanceRecord,
  seedUser: (config) => readConfig(config).sshUser,
  ownUserData: (config) => readConfig(config).userData || undefined,
  clientKey: (config) => readConfig(config).sshKeyPath || undefined,
  hasCredentials: (values, env) => namesCredentials(String(values['amazonec2-profile'] ?? ''), env),
  inventoryPlace: (config) => {
    const { region, profile } = readConfig(config)
    return profile === '' ? region : `${region} with profile ${profile}`
  },
  // cloud-init takes it from the metadata service, which has no more than this.
  userDataLimit: 16_384,
  adopt: ({ config }, { resource }) => ({
    config: { ...config, ...readConfig(config), region: resource.region ?? readConfig(config).region },
    resources: [resource],
  }),
  open: async (deps) => new (await import('./driver.js')).Ec2Driver(deps),
}
