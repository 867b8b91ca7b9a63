import { type ErrorCode, MachineError, messageOf, toMachineError } from '../../contracts/errors.js'
import { PluginError } from './wire/plugin-api.js'

/** The only error of the protocol that has a meaning. */
const NOT_RUNNING = 'Host is not running'

/** A plugin's error as ours, in its own words; other errors stay what they are. */
export function pluginFailure(
  error: unknown,
  frame: { readonly code?: ErrorCode; readonly prefix?: string; readonly machine?: string } = {},
): MachineError {
  const { prefix = '', machine } = frame
  const about = machine === undefined ? {} : { machine }
  if (!(error instanceof PluginError)) return toMachineError(error)
  const text = messageOf(error)
  const code = text === NOT_RUNNING ? 'not-running' : (frame.code ?? 'driver')
  return new MachineError(code, `${prefix}${text}`, { cause: error, ...about })
}
