import { MachineError } from '../contracts/errors.js'

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9\-.]*$/

/** docker-machine's rule and words. @throws MachineError `usage` */
export function checkMachineName(name: string): void {
  if (NAME.test(name)) return
  throw new MachineError(
    'usage',
    'Error creating machine: Invalid hostname specified. Allowed hostname chars are: 0-9a-zA-Z . -',
    { hints: ['A name begins with a letter or a digit: tsmachine create dev'] },
  )
}
