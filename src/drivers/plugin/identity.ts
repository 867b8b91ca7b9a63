import { LEGACY_PREFIX } from '../common/driver-names.js'

/** A driver plugin of docker-machine on this computer. */
export interface PluginIdentity {
  /** As users and our records name the driver: `linode`, `plugin:qemu`, `docker-machine:virtualbox`. */
  readonly name: string
  /** Its own name, which docker-machine's records have as `DriverName`. */
  readonly plugin: string
  /** Absolute path of the program that serves it. */
  readonly program: string
}

/** Whether its machines are hosts with an sshd: all but docker-machine's `none`, which is only a URL. */
export function hasSsh({ name }: PluginIdentity): boolean {
  return name !== `${LEGACY_PREFIX}none`
}
