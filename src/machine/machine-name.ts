import { createHash } from 'node:crypto'
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

/** Longest name of a host, and of one part of a domain name. */
const HOST_NAME_LENGTH = 63
const HASH_LENGTH = 8

/** What a host is called: its machine's name, shortened where that is longer than hosts may be called (CI runners'). */
export function hostName(machine: string): string {
  if (machine.length <= HOST_NAME_LENGTH) return machine
  const hash = createHash('sha256').update(machine).digest('hex').slice(0, HASH_LENGTH)
  return `${machine.slice(0, HOST_NAME_LENGTH - HASH_LENGTH - 1).replace(/[.-]+$/, '')}-${hash}`
}
