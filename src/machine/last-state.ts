import type { LedgerRecord } from '../contracts/record.js'
import type { MachineState } from '../contracts/state.js'
import type { MachineContext } from './context.js'
import { updateLedger } from './driver-events.js'
import { isDiskFull } from './full-disk.js'
import type { OpenMachine } from './open.js'

/**
 * A ledger with the state that a verb of ours has brought its machine to. `env`, `ip` and `url` ask no provider: where this
 * computer cannot see the machine's power, they go by this.
 */
export function withState(
  { clock }: MachineContext,
  { driver, factory }: Pick<OpenMachine, 'driver' | 'factory'>,
  ledger: LedgerRecord,
  state: MachineState,
): LedgerRecord {
  if (driver.localState || !factory.capabilities.power) return ledger
  return { ...ledger, lastState: { state, at: clock.now().toISOString() } }
}

/** Writes it down. On a full disk the verb has done its work all the same. */
export async function noteState(ctx: MachineContext, open: OpenMachine, state: MachineState): Promise<void> {
  if (open.driver.localState || !open.factory.capabilities.power) return
  try {
    await updateLedger(ctx, open.name, open.factory, (ledger) => withState(ctx, open, ledger, state))
  } catch (error) {
    if (!isDiskFull(error)) throw error
  }
}
