import { MachineError } from '../../src/contracts/errors.js'

/** Ends a plan: the host cannot become what is wanted. */
export function fail(message: string, hints: readonly string[]): never {
  throw new MachineError('provision', message, { hints })
}
