/** `plugin:NAME`: the plugin of that name, also where we have a driver of the name. */
export const PLUGIN_PREFIX = 'plugin:'
/** `docker-machine:NAME`: what is built into docker-machine's own program. */
export const LEGACY_PREFIX = 'docker-machine:'

/** Where docker-machine's own program is looked for first. */
export const LEGACY_HINT = 'Say where it is: TSMACHINE_LEGACY_BINARY=/path/to/docker-machine'

/** The drivers that docker-machine 0.16 has built in. */
export const LEGACY_DRIVERS: ReadonlySet<string> = new Set([
  'amazonec2',
  'azure',
  'digitalocean',
  'exoscale',
  'generic',
  'google',
  'hyperv',
  'none',
  'openstack',
  'rackspace',
  'softlayer',
  'virtualbox',
  'vmwarefusion',
  'vmwarevcloudair',
  'vmwarevsphere',
])
