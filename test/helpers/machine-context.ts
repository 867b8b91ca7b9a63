import type { DriverFactory } from '../../src/contracts/driver.js'
import type { ReportEvent } from '../../src/contracts/events.js'
import { type Profile, TSMACHINE_PROFILE } from '../../src/contracts/profile.js'
import { loadFactory } from '../../src/drivers/registry.js'
import type { MachineContext } from '../../src/machine/context.js'
import { Store } from '../../src/store/store.js'
import { systemClock } from '../../src/util/clock.js'
import { driverDeps } from './driver-deps.js'

export interface TestContextOptions {
  readonly dir: string
  readonly env?: Readonly<Record<string, string>>
  readonly profile?: Profile
  readonly signal?: AbortSignal
  readonly askSecret?: MachineContext['askSecret']
  /** Drivers of the test, by name; others come from the registry. */
  readonly factories?: Readonly<Record<string, DriverFactory>>
}

/** A use case's context over a real store in `dir`; what it reports is kept, and nothing can be booted. */
export function machineContext(
  options: TestContextOptions,
): MachineContext & { readonly events: ReportEvent[] } {
  const events: ReportEvent[] = []
  const env = options.env ?? {}
  const profile = options.profile ?? TSMACHINE_PROFILE
  return {
    events,
    profile,
    store: new Store(`${options.dir}/store`, { env, program: profile.program }),
    drivers: { load: async (name) => options.factories?.[name] ?? (await loadFactory(name)) },
    driverDeps: driverDeps(options.dir),
    artefacts: {
      bootImage: () => Promise.reject(new Error('no boot image in this test')),
      storedImage: () => Promise.resolve(undefined),
      engineBundle: () => Promise.reject(new Error('no engine bundle in this test')),
    },
    report: (event) => void events.push(event),
    askSecret: options.askSecret ?? (() => Promise.resolve(undefined)),
    clock: systemClock,
    signal: options.signal ?? new AbortController().signal,
    nativeSsh: false,
    tlsFiles: {},
    env,
  }
}
