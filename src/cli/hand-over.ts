/** docker-machine's own drivers, under its name: its old program serves them in our place. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { isMachineError, MachineError, messageOf } from '../contracts/errors.js'
import { checkDepth, pluginEnvironment } from '../drivers/plugin/session/environment.js'
import { legacyProgram } from '../drivers/plugin/session/find-program.js'
import { onAbort } from '../util/abort.js'
import type { Session } from './session.js'

/** Signals that end us, by the exit status that stands for them. */
const SIGNALS: Readonly<Record<number, NodeJS.Signals>> = { 129: 'SIGHUP', 130: 'SIGINT', 143: 'SIGTERM' }

/**
 * Runs the old docker-machine as the plugin that we were started as: its streams are ours, and so is how it ends.
 * @returns the exit status; 1 where there is no such program
 * @throws MachineError `driver` when it would start us, and we it, without end
 */
export async function handOver(
  { env, signal }: Session,
  driver: string,
  argv: readonly string[],
): Promise<number> {
  checkDepth('The old docker-machine', env)
  const program = legacyProgram(env)
  if (program === undefined) {
    process.stderr.write(`Unsupported driver: ${driver}\n`)
    return 1
  }
  const child = spawn(program, argv, { stdio: 'inherit', env: pluginEnvironment(driver, env) })
  const forget = onAbort(signal, () => void child.kill(signalOf(signal.reason)))
  try {
    const [status, ended] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    return status ?? 128 + (ended === null ? 0 : constants.signals[ended])
  } catch (error) {
    throw new MachineError('plugin', `${program} cannot be started: ${messageOf(error)}`, { cause: error })
  } finally {
    forget()
  }
}

function signalOf(reason: unknown): NodeJS.Signals {
  return (isMachineError(reason) ? SIGNALS[reason.exitCode] : undefined) ?? 'SIGTERM'
}
