/** A driver plugin of docker-machine on this computer. */
export interface PluginIdentity {
  /** As users and our records name the driver: `linode`, `plugin:qemu`, `docker-machine:virtualbox`. */
  readonly name: string
  /** Its own name, which docker-machine's records have as `DriverName`. */
  readonly plugin: string
  /** Absolute path of the program that serves it. */
  readonly program: string
}

/** `plugin:NAME`: the plugin of that name, also where we have a driver of the name. */
export const PLUGIN_PREFIX = 'plugin:'
/** `docker-machine:NAME`: what is built into docker-machine's own program. */
export const LEGACY_PREFIX = 'docker-machine:'

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

/** Whether its machines are hosts with an sshd: all but docker-machine's `none`, which is only a URL. */
export function hasSsh({ name }: PluginIdentity): boolean {
  return name !== `${LEGACY_PREFIX}none`
}
