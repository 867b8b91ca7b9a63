import { EXIT_CODES, MachineError, toMachineError } from '../contracts/errors.js'

/** A failure that did not stop the rest of a command: its exit status is 1, whatever it would have been alone. */
export function partFailure(error: unknown, prefix = ''): MachineError {
  const { code, message, hints, evidence, machine, cause } = toMachineError(error)
  return new MachineError(code === 'bug' || EXIT_CODES[code] === 1 ? code : 'driver', prefix + message, {
    hints,
    cause,
    ...(evidence === undefined ? {} : { evidence }),
    ...(machine === undefined ? {} : { machine }),
  })
}
