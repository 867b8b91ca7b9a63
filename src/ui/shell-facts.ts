import type { KeptForm } from './shell-dialects.js'

/**
 * What the functions of one shell are made from. Which file answers `env`, and in which form, depends on variables; the
 * functions answer only while those are what they were when the functions were made.
 */
export interface ShellFacts {
  /** Name of the program, and of the function. */
  readonly program: 'tsmachine' | 'docker-machine'
  /** Root of the store; undefined when it depends on the working directory. */
  readonly root: string | undefined
  readonly storagePath: string
  readonly home: string
  /** `$SHELL`, and the form that `env` writes for it without `--shell`. */
  readonly shell: string
  readonly form: KeptForm | undefined
}

/** Shells that get functions; `sh` is any POSIX shell. */
export const FUNCTION_SHELLS = ['bash', 'zsh', 'fish', 'sh'] as const
export type FunctionShell = (typeof FUNCTION_SHELLS)[number]

/** The variables that `env` sets. */
export const CLIENT_VARIABLES = [
  'DOCKER_TLS_VERIFY',
  'DOCKER_HOST',
  'DOCKER_CERT_PATH',
  'DOCKER_MACHINE_NAME',
]

/** Puts a program's prefix before names that a script writes with `@` in front: `@read`, `$@text`. */
export function withOwnNames(program: ShellFacts['program'], script: string): string {
  return script.replace(/@(?=[a-z])/g, `__${program.replace('-', '_')}_`)
}
