import type { Facts, Step } from '../../src/contracts/provision.js'
import { run } from './steps.js'

/** Registries give tokens that live this long, and certificates follow. */
const LIMIT_S = 300

/** Whether the host's clock is so wrong that we set it: never against a program that keeps it. */
export function setsClock({ clockSkewS, timeSync }: Facts): boolean {
  return Math.abs(clockSkewS) > LIMIT_S && timeSync === undefined
}

/** Before everything else: certificates are checked by this clock. */
export function clockSteps(facts: Facts): Step[] {
  if (!setsClock(facts)) return []
  return [run(['sh', '@lib/clock.sh', String(-facts.clockSkewS)], 'set the clock, which nothing keeps right')]
}
