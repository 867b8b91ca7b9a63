import { isMachineError } from '../contracts/errors.js'
import { profileFor } from '../contracts/profile.js'
import { type Commands, dispatch } from './dispatch.js'
import { failureOf } from './failure.js'
import { debugFromEnvironment, takeLeadingGlobals } from './global-flags.js'
import { pluginWords } from './plugin-role.js'
import { renderFailure } from './render-failure.js'
import type { FailureView } from './session.js'
import { watchSignals } from './signals.js'
import { flush } from './streams.js'

/**
 * One run of the program. `calledAs` is the name in argv[0] and decides how we speak (design 9).
 * The only place that ends the process.
 */
export async function run(given: readonly string[], calledAs: string, commands: Commands): Promise<never> {
  const profile = profileFor(calledAs)
  const argv = pluginWords(calledAs, process.env) ?? given
  const signals = watchSignals(process)
  const view: FailureView = { json: jsonWanted(argv), debug: debugWanted(argv, process.env), command: '' }
  let exitCode: number
  try {
    const { given: globals, rest } = takeLeadingGlobals(argv)
    view.command = rest[0] ?? ''
    exitCode = await dispatch(
      {
        profile,
        argv: [profile.program, ...argv],
        given: globals,
        view,
        env: process.env,
        signal: signals.signal,
      },
      rest,
      commands,
    )
  } catch (thrown) {
    const failure = failureOf(thrown, { profile, signal: signals.signal })
    renderFailure(failure, { profile, ...view })
    exitCode = failure.exitCode
  }
  await flush(process.stdout, process.stderr)
  signals.release()
  process.exit(exitCode)
}

/** Before parsing: an error of the parser itself must come out as JSON too. */
function jsonWanted(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv.slice(0, end < 0 ? undefined : end).some((word) => /^--?json(=|$)/.test(word))
}

function debugWanted(argv: readonly string[], env: NodeJS.ProcessEnv): boolean {
  try {
    return argv.includes('--debug') || argv.includes('-D') || debugFromEnvironment(env['MACHINE_DEBUG'])
  } catch (error) {
    if (isMachineError(error)) return false
    throw error
  }
}
