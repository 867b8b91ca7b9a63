import { Errors, Flags } from '@oclif/core'
import { goInteger } from '../util/go-values.js'

/** A whole number, written as Go programs take it (`10`, `0x0a`). */
export const integerFlag = Flags.custom<number, { min?: number }>({
  parse(text, _context, { min }) {
    const value = goInteger(text)
    if (value === undefined) throw new Errors.CLIError(`Expected an integer but received: ${text}`)
    if (min !== undefined && value < min)
      throw new Errors.CLIError(`Expected an integer greater than or equal to ${min} but received: ${text}`)
    return Promise.resolve(value)
  },
})
