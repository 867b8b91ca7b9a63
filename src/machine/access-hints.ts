import { isMachineError } from '../contracts/errors.js'
import { isOpen } from './access-rules.js'
import type { OpenMachine } from './open.js'

/** Reasons for which a firewall may be to blame: nothing answered at all. */
const SILENCE: ReadonlySet<unknown> = new Set(['timeout', 'unreachable'])

/** What to try when a machine does not answer: the firewall knows us by an address that may have changed. */
export function accessHints({
  name,
  factory,
  ledger,
}: Pick<OpenMachine, 'name' | 'factory' | 'ledger'>): readonly string[] {
  if (!factory.capabilities.access || !ledger.access || isOpen(ledger.access.rules.ssh)) return []
  return [`If the address of this computer has changed: tsmachine access ${name} --here`]
}

/** The same if this failure can come from a firewall. */
export function accessHintsFor(open: OpenMachine, error: unknown): readonly string[] {
  const reason = error instanceof Error && 'reason' in error ? error.reason : undefined
  const isSilence = SILENCE.has(reason) || (isMachineError(error) && error.code === 'timeout')
  return isSilence ? accessHints(open) : []
}

/** A failed connection with them. */
export function withAccessHints(open: OpenMachine, error: unknown): unknown {
  const hints = accessHintsFor(open, error)
  return isMachineError(error) && hints.length > 0 ? error.with({ hints }) : error
}
