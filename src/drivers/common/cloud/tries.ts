import { MachineError } from '../../../contracts/errors.js'
import type { Resource } from '../../../contracts/record.js'
import { ConfigReader } from '../config-reader.js'

/**
 * The provider has answered, and made nothing. It would give the same answer to the same client token again: the next try
 * has to be another one, while a try without an answer has to be repeated as it was.
 */
export class NothingMade extends MachineError {}

/** Tries of a thing's making that are known to have brought nothing. */
export function triesOf({ attributes = {} }: Resource): number {
  return new ConfigReader(attributes).integer('tries') ?? 0
}

/** No try is without its answer: there is nothing to look for. */
export function isSettled({ attributes = {} }: Resource): boolean {
  return new ConfigReader(attributes).boolean('settled')
}

/** The last try has brought nothing. */
export function settled(intended: Resource): Resource {
  return { ...intended, attributes: { tries: triesOf(intended) + 1, settled: true } }
}

/** The next try begins. */
export function nextTry(intended: Resource): Resource {
  return { ...intended, attributes: { tries: triesOf(intended) } }
}
