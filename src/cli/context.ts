import { join, resolve } from 'node:path'
import type { DriverDeps } from '../contracts/driver.js'
import type { Report } from '../contracts/events.js'
import type { MachineRecord } from '../contracts/record.js'
import type { MachineContext } from '../machine/context.js'
import { StoreDesk } from '../store/account-desk.js'
import { Store } from '../store/store.js'
import type { Reporter } from '../ui/reporter.js'
import { makeOwnDir, makePrivateDir } from '../util/atomic-file.js'
import { systemClock } from '../util/clock.js'
import { cachePath, runtimePath, storePath } from '../util/paths.js'
import { askSecret } from './ask-secret.js'
import { lazyArtefacts } from './artefacts.js'
import { atEnd, driversOf, type GlobalOptions, type Session } from './session.js'
import { spawnHelper } from './spawn-helper.js'

/** The composition root: the one place that knows which parts a run is made of. */
export function machineContext(
  session: Session,
  globals: GlobalOptions,
  report: Report,
  hold: Reporter['hold'] = (work) => work(),
): MachineContext {
  const { env, profile } = session
  const store: Store = new Store(resolve(storePath(env, globals.storagePath)), {
    env,
    program: profile.program,
    exposed: ({ text, hint }) => report({ type: 'warn', text: `${text}. ${hint}` }),
    // Windows has no shells that could read it.
    ...(process.platform === 'win32' ? {} : { shellEnv: (record) => shellEnvText(ctx, record) }),
  })
  const ctx: MachineContext = {
    profile,
    store,
    drivers: driversOf(session),
    driverDeps: driverDeps(session, store, report),
    artefacts: lazyArtefacts(env, report),
    report,
    askSecret: secretQuestions(session, hold),
    clock: systemClock,
    // Few of those who read a record alone ask for it, and it takes a millisecond to make one.
    get signal() {
      return session.signal
    },
    nativeSsh: globals.nativeSsh,
    tlsFiles: globals.tlsFiles,
    env,
  }
  return ctx
}

/** Loaded by those who write a record only. */
async function shellEnvText(ctx: MachineContext, record: MachineRecord): Promise<string | undefined> {
  const { shellEnvironment } = await import('../machine/shell-environment.js')
  const environment = await shellEnvironment(ctx, record)
  return environment && (await import('../ui/shell-env-text.js')).shellEnvText(environment)
}

/** Machines that are worked on side by side ask one after the other. */
function secretQuestions(session: Session, hold: Reporter['hold']): MachineContext['askSecret'] {
  let last: Promise<unknown> = Promise.resolve()
  return (question) => {
    const asked = last.then(() => hold(() => askSecret(question, session.signal)))
    last = asked.catch(() => undefined)
    return asked
  }
}

function driverDeps(session: Session, store: Store, report: Report): DriverDeps {
  const { env } = session
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
    account: (key) => new StoreDesk(store, key, systemClock, (text) => report({ type: 'warn', text })),
    debug: (text) => report({ type: 'debug', text, source: 'driver' }),
    atEnd: (work) => atEnd(session, work),
    spawnHelper: (name, args) => spawnHelper(name, args, env),
  }
}
