import { isMachineError } from '../contracts/errors.js'
import { profileFor } from '../contracts/profile.js'
import { dispatch } from './dispatch.js'
import { failureOf } from './failure.js'
import { debugFromEnvironment, takeLeadingGlobals } from './global-flags.js'
import { renderFailure } from './render-failure.js'
import type { Session } from './session.js'
import { watchSignals } from './signals.js'
import { flush } from './streams.js'

/**
 * One run of the program. `calledAs` is the name in argv[0] and decides how we speak (design 9).
 * The only place that ends the process.
 */
export async function run(argv: readonly string[], calledAs: string): Promise<never> {
  const profile = profileFor(calledAs)
  const signals = watchSignals(process)
  const wantsJson = jsonWanted(argv)
  const debug = debugWanted(argv, process.env)
  let words = argv
  let exitCode: number
  try {
    const { given, rest } = takeLeadingGlobals(argv)
    words = rest
    const session: Session = {
      profile,
      argv: [profile.program, ...argv],
      given,
      env: process.env,
      signal: signals.signal,
    }
    exitCode = await dispatch(session, rest)
  } catch (thrown) {
    const failure = failureOf(thrown, { profile, signal: signals.signal })
    renderFailure(failure, { profile, json: wantsJson, debug, command: commandName(words) })
    exitCode = failure.exitCode
  }
  await flush(process.stdout, process.stderr)
  process.exit(exitCode)
}

/** As in the document of a success: a group's command has two words. */
function commandName([first = '', second = '']: readonly string[]): string {
  return first === 'image' && /^\w/.test(second) ? `${first} ${second}` : first
}

/** Before parsing: an error of the parser itself must come out as JSON too. */
function jsonWanted(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv.slice(0, end < 0 ? undefined : end).includes('--json')
}

function debugWanted(argv: readonly string[], env: NodeJS.ProcessEnv): boolean {
  try {
    return argv.includes('--debug') || argv.includes('-D') || debugFromEnvironment(env['MACHINE_DEBUG'])
  } catch (error) {
    if (isMachineError(error)) return false
    throw error
  }
}
