import { join, resolve } from 'node:path'
import type { DriverDeps } from '../contracts/driver.js'
import type { Report } from '../contracts/events.js'
import { loadFactory } from '../drivers/registry.js'
import type { MachineContext } from '../machine/context.js'
import { Store } from '../store/store.js'
import { makeOwnDir, makePrivateDir } from '../util/atomic-file.js'
import { systemClock } from '../util/clock.js'
import { cachePath, runtimePath, storePath } from '../util/paths.js'
import { lazyArtefacts } from './artefacts.js'
import type { GlobalOptions, Session } from './session.js'
import { spawnHelper } from './spawn-helper.js'

/** The composition root: the one place that knows which parts a run is made of. */
export function machineContext(session: Session, globals: GlobalOptions, report: Report): MachineContext {
  const { env, profile, signal } = session
  return {
    profile,
    store: new Store(resolve(storePath(env, globals.storagePath)), { env, program: profile.program }),
    drivers: { load: loadFactory },
    driverDeps: driverDeps(session),
    artefacts: lazyArtefacts(env, report),
    report,
    clock: systemClock,
    signal,
    nativeSsh: globals.nativeSsh,
    tlsFiles: globals.tlsFiles,
    env,
  }
}

function driverDeps({ env }: Session): DriverDeps {
  return {
    clock: systemClock,
    cacheDir: cachePath(env),
    async runtimeDir(machineId) {
      const parent = runtimePath(env)
      await makeOwnDir(parent)
      const dir = join(parent, machineId.slice(0, 8))
      await makePrivateDir(dir)
      return dir
    },
    spawnHelper: (name, args) => spawnHelper(name, args, env),
  }
}
