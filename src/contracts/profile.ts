/**
 * How we were called decides how we speak (design 9). Chosen once from argv[0] in bin/, passed down,
 * and nothing else looks at the program's name.
 */
export interface Profile {
  /** Name that messages use. */
  readonly program: 'tsmachine' | 'docker-machine'
  /** Where progress and warnings go. Answers always go to stdout. */
  readonly progress: 'stdout' | 'stderr'
  /** Whose lines tell what is done: ours, live on a terminal, or docker-machine's, which scripts search for. */
  readonly story: 'own' | 'docker-machine'
  /** Exit status of a usage error. */
  readonly usageExitCode: 1 | 2
  /** Driver of `create` without `--driver` and MACHINE_DRIVER. */
  readonly defaultDriver: string
  /** Whether `create` makes a Docker context. */
  readonly dockerContext: boolean
  /** Whether `ssh` ends with the remote exit status (docker-machine always ends with 1). */
  readonly remoteExitStatus: boolean
  /** Whether a host key nobody gave us may be pinned at first sight with a warning (design 1.1). */
  readonly trustFirstUse: boolean
  /** To whom the firewall of a new machine is opened besides this computer, unless said otherwise. */
  readonly openTo: readonly 'any'[]
}

export const TSMACHINE_PROFILE: Profile = {
  program: 'tsmachine',
  progress: 'stderr',
  story: 'own',
  usageExitCode: 2,
  defaultDriver: 'qemu',
  dockerContext: true,
  remoteExitStatus: true,
  trustFirstUse: false,
  openTo: [],
}

export const DOCKER_MACHINE_PROFILE: Profile = {
  program: 'docker-machine',
  progress: 'stdout',
  story: 'docker-machine',
  usageExitCode: 1,
  defaultDriver: 'qemu',
  dockerContext: false,
  remoteExitStatus: false,
  trustFirstUse: true,
  openTo: ['any'],
}

/** The profile for the name that we were called by. */
export function profileFor(calledAs: string): Profile {
  return calledAs === 'docker-machine' ? DOCKER_MACHINE_PROFILE : TSMACHINE_PROFILE
}
