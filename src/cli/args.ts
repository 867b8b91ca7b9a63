import { Args } from '@oclif/core'

/** Positional names. Never required and never read from stdin: our own messages say what is missing. */
export const MACHINE_NAME = {
  name: Args.string({ description: 'Machine (default: the one called "default")', ignoreStdin: true }),
}

/** The first of several names; the rest is in `argv`. */
export const MACHINE_NAMES = {
  name: Args.string({
    description: 'Machines, one or more (default: the one called "default")',
    ignoreStdin: true,
  }),
}

/** Words that oclif leaves in `argv`, as texts. */
export function words(argv: readonly unknown[]): readonly string[] {
  return argv.filter((word): word is string => typeof word === 'string')
}
