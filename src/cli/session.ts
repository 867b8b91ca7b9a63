import type { Config } from '@oclif/core'
import type { Profile } from '../contracts/profile.js'
import type { TlsFiles } from '../contracts/record.js'
import { Drivers } from '../drivers/registry.js'
import type { GivenGlobals } from './global-flags.js'

/** What global flags and their variables say. */
export interface GlobalOptions {
  readonly debug: boolean
  readonly json: boolean
  /** Our own SSH client also where there is an ssh program. */
  readonly nativeSsh: boolean
  /** Certificate files that were given instead of the store's. */
  readonly tlsFiles: TlsFiles
  readonly storagePath?: string
}

/** How a failure of this run is shown: guessed at first, exact once the command line is read. */
export interface FailureView {
  json: boolean
  debug: boolean
  /** Name of the command, for the JSON document. */
  command: string
}

/** One run of the program: how we were called and what the process gives us. */
export interface Session {
  readonly profile: Profile
  /** The command line as typed, without the interpreter: what `env` shows in its hint. */
  readonly argv: readonly string[]
  /** Global flags in front of the command. */
  readonly given: GivenGlobals
  readonly view: FailureView
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted by SIGINT and SIGTERM with a `cancelled` MachineError as reason. */
  readonly signal: AbortSignal
}

const drivers = new WeakMap<Session, Drivers>()

/** The drivers that this run can have; each is loaded once. */
export function driversOf(session: Session): Drivers {
  const known = drivers.get(session) ?? new Drivers(session.env, () => session.signal)
  drivers.set(session, known)
  return known
}

const endings = new WeakMap<Session, (() => Promise<void>)[]>()

/** Has this done before the program ends. */
export function atEnd(session: Session, work: () => Promise<void>): void {
  endings.set(session, [...(endings.get(session) ?? []), work])
}

/** Does what `atEnd` was told. */
export async function endSession(session: Session): Promise<void> {
  const works = endings.get(session) ?? []
  endings.delete(session)
  await Promise.allSettled(works.map((work) => work()))
}

const sessions = new WeakMap<Config, Session>()

/** Commands are made by oclif with nothing but its Config: this ties our session to it. */
export function bindSession(config: Config, session: Session): void {
  sessions.set(config, session)
}

/** The session that `bindSession` tied to this Config. */
export function sessionOf(config: Config): Session {
  const session = sessions.get(config)
  if (!session) throw new Error('No session is bound to this configuration')
  return session
}
