import { readFileSync } from 'node:fs'
import { MachineError } from '../../contracts/errors.js'

const LOG_CHARACTERS = 2_000

/** A failure of this driver, with QEMU's own last words where there are some. */
export function driverError(message: string, logPath?: string, hints: readonly string[] = []): MachineError {
  const evidence = logPath === undefined ? '' : logTail(logPath)
  return new MachineError('driver', message, { hints, ...(evidence === '' ? {} : { evidence }) })
}

/** The end of QEMU's log; empty when there is none. */
export function logTail(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim().slice(-LOG_CHARACTERS)
  } catch {
    return ''
  }
}
