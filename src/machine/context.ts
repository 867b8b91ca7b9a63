import type { Clock } from '../contracts/clock.js'
import type { BootImageFiles, DriverDeps, DriverFactory } from '../contracts/driver.js'
import type { Report } from '../contracts/events.js'
import type { Profile } from '../contracts/profile.js'
import type { TlsFiles } from '../contracts/record.js'
import type { Secret } from '../contracts/secrets.js'
import type { Store } from '../store/store.js'

/** Where artefacts come from: the boot image that drivers boot and the engine bundle that hosts get. */
export interface Artefacts {
  bootImage(arch: string, signal: AbortSignal): Promise<BootImageFiles>
  /** One boot image by its digest, if it is in the cache and sound. */
  storedImage(digest: string, signal: AbortSignal): Promise<BootImageFiles | undefined>
  engineBundle(arch: string, signal: AbortSignal): Promise<{ readonly dir: string; readonly version: string }>
}

/** Where drivers come from. */
export interface DriverSource {
  /**
   * A driver by the name that a user or a record gives. Only one that is loaded for a new machine has its flags for sure:
   * a plugin has to be started to tell them, and is not for a `recorded` one.
   * @throws MachineError `usage` for a driver that is not here
   */
  load(name: string, purpose?: 'recorded'): Promise<DriverFactory>
}

/** Everything a use case works with, made once by the composition root in `src/cli`. */
export interface MachineContext {
  readonly profile: Profile
  readonly store: Store
  readonly drivers: DriverSource
  readonly driverDeps: DriverDeps
  readonly artefacts: Artefacts
  readonly report: Report
  /** Asks the user for a secret; undefined when there is nobody to ask. */
  readonly askSecret: (question: string) => Promise<Secret | undefined>
  readonly clock: Clock
  /** Aborted by SIGINT and SIGTERM with a `cancelled` MachineError as reason. */
  readonly signal: AbortSignal
  /** Use our own SSH client also where there is an ssh program. */
  readonly nativeSsh: boolean
  /** Certificate files for machines that this run makes; a record names those that its machine was made with. */
  readonly tlsFiles: TlsFiles
  readonly env: Readonly<Record<string, string | undefined>>
}
